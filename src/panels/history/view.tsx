/**
 * What the section of the history shows: the filter, what others are compared with, the list or why there is none.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { Timeline } from '../../model/timeline';
import { CommandIDs } from '../../tokens';
import { Filter } from './filter';
import { EntryList } from './list';
import { Failure, Former, hasList, Message } from './messages';
import { titleOf } from './words';
import '../../../src/style/history.css';

interface IHistoryViewProps {
  timeline: Timeline;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** It is there for the first time. */
  onDrawn?(): void;
}

export function HistoryView(props: IHistoryViewProps): React.JSX.Element {
  const { timeline, trans } = props;
  const box = React.useRef<HTMLInputElement>(null);
  const root = React.useRef<HTMLDivElement>(null);
  useTimeline(timeline);
  React.useEffect(() => props.onDrawn?.(), []);
  const isFilterable = timeline.front.panel !== null && timeline.history !== null;
  const focusList = (): void =>
    root.current?.querySelector<HTMLElement>('.jp-MlmHistory-list')?.focus();
  return (
    <div ref={root} className="jp-MlmHistory-view">
      {isFilterable && <Filter timeline={timeline} trans={trans} box={box} onLeave={focusList} />}
      <Reference {...props} />
      <Failure {...props} />
      <Former {...props} />
      {hasList(timeline) ? <EntryList {...props} /> : <Message {...props} />}
    </div>
  );
}

/** What others are compared with, and how to have done with it. */
function Reference({ timeline, commands, trans }: IHistoryViewProps): React.JSX.Element | null {
  const entry = timeline.reference ? timeline.find(timeline.reference.checkpoint) : undefined;
  if (entry === undefined) {
    return null;
  }
  const canCompare = commands.isEnabled(CommandIDs.compareWithSelected);
  return (
    <div className="jp-MlmReference">
      <span className="jp-MlmReference-text">
        {trans.__('Compare %1 with…', entry.name ?? `${entry.ordinal} ${titleOf(entry, trans)}`)}
      </span>
      <button
        className="jp-mod-styled"
        disabled={!canCompare}
        title={trans.__('Compare the active checkpoint with the selected one.')}
        onClick={() => void commands.execute(CommandIDs.compareWithSelected)}
      >
        {trans.__('Compare')}
      </button>
      <button
        className="jp-MlmReference-close"
        title={trans.__('Select nothing for compare')}
        aria-label={trans.__('Select nothing for compare')}
        onClick={() => (timeline.reference = null)}
      >
        <closeIcon.react tag="span" />
      </button>
    </div>
  );
}

/** Draw again whenever the timeline changed. */
function useTimeline(timeline: Timeline): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const onChanged = (): void => draw();
    timeline.changed.connect(onChanged);
    draw(); // what changed between the first drawing and now
    return () => void timeline.changed.disconnect(onChanged);
  }, [timeline]);
}
