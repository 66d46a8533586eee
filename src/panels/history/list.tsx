/**
 * The timeline: of 10,000 entries only those in view are drawn. The list has the focus; arrows move which entry is active.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { type Range, useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { type IEntry, type IMove, metricMoves } from '../../model/entries';
import { laneRoom } from '../../model/graph';
import type { Timeline } from '../../model/timeline';
import { CommandIDs } from '../../tokens';
import { useNow } from '../clock';
import { rowAfter, withOne } from '../longList';
import { MOST_LANES } from './rail';
import { elsewhereOf, Row, rowHeight } from './row';

/** Rows drawn out of view on either side. */
const OVERSCAN = 5;
/** A click is waited with for so long: filtered at its first half, a double click would open what is then below the mouse. */
const DOUBLE_CLICK_MS = 350;
/** The next page is fetched when so few entries are left below the view. */
const AHEAD = 80;

export interface IListProps {
  timeline: Timeline;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export function EntryList({ timeline, commands, trans }: IListProps): React.JSX.Element {
  const scroller = React.useRef<HTMLDivElement>(null);
  const now = useNow();
  const id = React.useId();
  const { entries, history, active, current, path, reference } = timeline;
  const here = timeline.front.project?.notebook ?? null;
  const activeIndex = entries.findIndex(entry => entry.id === active);
  const virtualizer = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: React.useCallback(
      (at: number) => rowHeight(entries[at], elsewhereOf(entries[at], here)),
      [entries, here]
    ),
    getItemKey: React.useCallback((at: number) => entries[at].id, [entries]),
    overscan: OVERSCAN,
    rangeExtractor: React.useCallback((range: Range) => withOne(range, activeIndex), [activeIndex])
  });
  const items = virtualizer.getVirtualItems();
  const lastIndex = virtualizer.range?.endIndex ?? 0;
  const starts = virtualizer.measurementsCache;
  useStillness(scroller, entries, at => starts[at]?.start ?? 0);

  React.useEffect(() => {
    timeline.shown = entries[lastIndex]?.id ?? null;
    if (history !== null && lastIndex > entries.length - AHEAD && history.failure === null) {
      void history.more();
    }
  }, [timeline, history, entries, lastIndex]);

  const graph = history?.graph;
  const room = React.useMemo(() => laneRoom(graph?.rows ?? [], MOST_LANES), [graph]);
  const movesOf = React.useMemo(() => {
    const cache = new Map<IEntry, IMove[]>();
    return (entry: IEntry): IMove[] => {
      const moves = cache.get(entry) ?? metricMoves(entry, timeline.find);
      cache.set(entry, moves);
      return moves;
    };
  }, [timeline, entries]);
  const isFollowed = React.useRef(false);
  const move = (index: number): void => {
    const at = Math.max(0, Math.min(timeline.entries.length - 1, index));
    isFollowed.current = true;
    timeline.active = timeline.entries[at]?.id ?? null;
  };
  React.useEffect(() => {
    if (isFollowed.current && activeIndex >= 0) {
      isFollowed.current = false;
      virtualizer.scrollToIndex(activeIndex);
    }
  }, [virtualizer, activeIndex]);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const page = Math.max(
      1,
      (virtualizer.range?.endIndex ?? 0) - (virtualizer.range?.startIndex ?? 0)
    );
    const key = event.key === 'F10' && event.shiftKey ? 'ContextMenu' : event.key;
    const target = rowAfter(key, activeIndex, page, entries.length);
    if (key === 'ContextMenu') {
      openMenu(scroller.current?.querySelector('[data-active="true"]'));
    } else if (key === 'End') {
      void history?.all().then(() => move(timeline.entries.length - 1));
    } else if (target !== null) {
      move(target);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const onActivate = React.useCallback((id: string) => (timeline.active = id), [timeline]);
  const filtering = React.useRef(0);
  const onOpen = React.useCallback(() => {
    clearTimeout(filtering.current);
    void commands.execute(CommandIDs.onEntry, { command: CommandIDs.openCheckpoint });
  }, [commands]);
  const onVariable = React.useCallback(
    (name: string) => {
      clearTimeout(filtering.current);
      filtering.current = window.setTimeout(
        () => (timeline.typed = `var:${name}`),
        DOUBLE_CLICK_MS
      );
    },
    [timeline]
  );

  return (
    <div
      ref={scroller}
      className="jp-MlmHistory-list"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Checkpoints, newest first')}
      aria-busy={!history?.isReady}
      aria-activedescendant={activeIndex < 0 ? undefined : `${id}${entries[activeIndex].id}`}
      onKeyDown={onKeyDown}
      onFocus={() => activeIndex < 0 && move(0)}
    >
      <div role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {items.map(({ index, start }) => {
          const entry = entries[index];
          return (
            <Row
              key={entry.id}
              id={`${id}${entry.id}`}
              entry={entry}
              moves={movesOf(entry)}
              graph={graph?.rows[index]}
              lanes={room[index] ?? 1}
              path={path}
              isActive={index === activeIndex}
              isCurrent={entry.id === current}
              isReference={entry.id === reference?.checkpoint}
              elsewhere={elsewhereOf(entry, here)}
              position={index + 1}
              total={history?.total ?? entries.length}
              now={now}
              top={start}
              width={virtualizer.scrollRect?.width ?? 0}
              trans={trans}
              onActivate={onActivate}
              onOpen={onOpen}
              onVariable={onVariable}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Who has scrolled down goes on seeing the same entries when others come in above them. */
function useStillness(
  scroller: React.RefObject<HTMLDivElement>,
  entries: readonly { id: string }[],
  startOf: (index: number) => number
): void {
  const seen = React.useRef<{ id: string; offset: number } | null>(null);
  React.useLayoutEffect(() => {
    const element = scroller.current;
    const anchor = seen.current;
    if (element === null || anchor === null || element.scrollTop === 0) {
      return;
    }
    const at = entries.findIndex(entry => entry.id === anchor.id);
    if (at >= 0 && element.scrollTop !== startOf(at) + anchor.offset) {
      element.scrollTop = startOf(at) + anchor.offset;
    }
  }, [entries]);
  React.useEffect(() => {
    const element = scroller.current;
    const remember = (): void => {
      const top = element?.scrollTop ?? 0;
      const at = findAt(entries.length, index => startOf(index) > top) - 1;
      seen.current = at < 0 ? null : { id: entries[at].id, offset: top - startOf(at) };
    };
    remember();
    element?.addEventListener('scroll', remember, { passive: true });
    return () => element?.removeEventListener('scroll', remember);
  });
}

/** The first index of which something is true that is true of all behind it, too; `count` where it is of none. */
function findAt(count: number, isTrue: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isTrue(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** Open the context menu of an element as the mouse does. */
function openMenu(element: Element | null | undefined): void {
  const box = element?.getBoundingClientRect();
  element?.dispatchEvent(
    new MouseEvent('contextmenu', {
      bubbles: true,
      cancelable: true,
      clientX: box?.left,
      clientY: box?.bottom
    })
  );
}
