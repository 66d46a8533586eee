/**
 * One entry of the timeline. Its height follows from what it has to say, so that 10,000 of them can be laid out unseen.
 */
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { kernelIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatAge, formatMoment, formatNumber, formatSpan } from '../../format';
import type { IEntry, IMove } from '../../model/entries';
import type { IGraphRow } from '../../model/graph';
import { Rail, railWidth } from './rail';
import { changeOf, describeEntry, formatDigits, type IMarks, statusOf, titleOf } from './words';

const LINE_PX = 18;
const PADDING_PX = 8;
/** More names than this are counted. */
const MOST_NAMES = 6;
/** So much of a cell is shown when the mouse rests on it. */
const MOST_LINES = 24;
/** About how wide a character of a badge is, what surrounds it, and the count of those left out. */
const CHARACTER_PX = 6.4;
const BADGE_PX = 22;
const COUNT_PX = 18;
/** The right edge of a row. */
const EDGE_PX = 8;

interface IRowProps extends IMarks {
  entry: IEntry;
  moves: readonly IMove[];
  graph: IGraphRow | undefined;
  lanes: number;
  path: ReadonlySet<string>;
  isActive: boolean;
  id: string;
  /** Its place from 1, and how many there are. */
  position: number;
  total: number;
  now: number;
  top: number;
  /** The width of the list. */
  width: number;
  trans: TranslationBundle;
  onActivate(id: string): void;
  onOpen(): void;
  onVariable(name: string): void;
}

/** The notebook of an entry, where that is another than the one in front: its numbers are its own. */
export function elsewhereOf({ notebook }: IEntry, here: string | null): string | null {
  return notebook === here ? null : notebook;
}

/** Whether an entry has a line beside the first. */
function hasFacts(
  { changes, status, duration_ms, is_saving }: IEntry,
  elsewhere: string | null
): boolean {
  const { added, changed, removed } = changes;
  const isQuiet = (status === null || status === 'ok') && duration_ms === null && !is_saving;
  return !isQuiet || elsewhere !== null || added.length + changed.length + removed.length > 0;
}

export function rowHeight(entry: IEntry, elsewhere: string | null): number {
  const lines =
    1 +
    Number(Boolean(entry.name || entry.note)) +
    Number(hasFacts(entry, elsewhere)) +
    Number(Object.keys(entry.metrics).length > 0);
  return lines * LINE_PX + PADDING_PX;
}

export const Row = React.memo(function Row(props: IRowProps): React.JSX.Element {
  const { entry, elsewhere, moves, lanes, trans, now } = props;
  const height = rowHeight(entry, elsewhere);
  const label = entry.name || entry.note;
  const rail = railWidth(lanes);
  return (
    <div
      id={props.id}
      role="option"
      aria-selected={props.isReference}
      aria-setsize={props.total}
      aria-posinset={props.position}
      aria-label={describeEntry(entry, moves, props, now, trans)}
      className="jp-MlmHistory-entry"
      data-checkpoint={entry.id}
      data-kind={entry.kind}
      data-active={props.isActive}
      data-reference={props.isReference}
      style={{ height, paddingLeft: rail, transform: `translateY(${props.top}px)` }}
      onMouseDown={() => props.onActivate(entry.id)}
      onDoubleClick={props.onOpen}
    >
      <Rail
        entry={entry}
        row={props.graph}
        lanes={lanes}
        height={height}
        y={PADDING_PX / 2 + LINE_PX / 2}
        path={props.path}
        isCurrent={props.isCurrent}
      />
      {label && <Label entry={entry} />}
      <div className="jp-MlmHistory-line">
        {entry.ordinal > 0 && <span className="jp-MlmHistory-ordinal">{entry.ordinal}</span>}
        <span
          className="jp-MlmHistory-code"
          data-words={entry.kind === 'save' || !entry.source}
          title={shorten(entry.source ?? '')}
        >
          {titleOf(entry, trans)}
        </span>
        {props.isCurrent && (
          <kernelIcon.react
            tag="span"
            className="jp-MlmHistory-here"
            title={trans.__('The kernel is here: the next cell goes on from this checkpoint.')}
          />
        )}
        <span className="jp-MlmHistory-age" title={formatMoment(entry.created_at)}>
          {formatAge(entry.created_at, now, trans)}
        </span>
      </div>
      {hasFacts(entry, elsewhere) && <Facts {...props} />}
      {moves.length > 0 && (
        <Metrics moves={moves} room={props.width - rail - EDGE_PX} trans={trans} />
      )}
    </div>
  );
});

function Label({ entry }: { entry: IEntry }): React.JSX.Element {
  return (
    <div className="jp-MlmHistory-line jp-MlmHistory-label" title={entry.note ?? undefined}>
      {entry.name && <strong>{entry.name}</strong>}
      {entry.note && <em>{entry.note}</em>}
    </div>
  );
}

type IFactsProps = Pick<IRowProps, 'entry' | 'elsewhere' | 'trans' | 'onVariable'>;

/** Which notebook it is of, how the cell ended, how long it took, which variables it left different. */
function Facts({ entry, elsewhere, trans, onVariable }: IFactsProps): React.JSX.Element {
  const { added, changed, removed } = entry.changes;
  const names = [
    ...changed.map(name => ({
      name,
      sign: '~',
      change: 'changed',
      title: trans.__('%1 was changed.', name)
    })),
    ...added.map(name => ({
      name,
      sign: '+',
      change: 'added',
      title: trans.__('%1 was added.', name)
    })),
    ...removed.map(name => ({
      name,
      sign: '−',
      change: 'removed',
      title: trans.__('%1 was removed.', name)
    }))
  ];
  const hidden = names.slice(MOST_NAMES);
  const isEnding = entry.is_saving || (entry.status !== null && entry.status !== 'ok');
  return (
    <div className="jp-MlmHistory-line jp-MlmHistory-facts">
      {elsewhere !== null && (
        <span className="jp-MlmHistory-notebook" title={elsewhere}>
          {PathExt.basename(elsewhere)}
        </span>
      )}
      {isEnding && (
        <span className="jp-MlmHistory-status" data-status={entry.status ?? 'saving'}>
          {statusOf(entry, trans)}
        </span>
      )}
      {entry.duration_ms !== null && (
        <span className="jp-MlmHistory-duration">{formatSpan(entry.duration_ms, trans)}</span>
      )}
      <span className="jp-MlmHistory-names">
        {names.slice(0, MOST_NAMES).map(({ name, sign, change, title }) => (
          <span
            key={sign + name}
            className="jp-MlmHistory-name"
            data-change={change}
            title={`${title} ${trans.__('Click to show its history.')}`}
            onClick={() => onVariable(name)}
          >
            <b>{sign}</b>
            {name}
          </span>
        ))}
        {hidden.length > 0 && (
          <span title={hidden.map(({ sign, name }) => sign + name).join(' ')}>
            {trans.__('and %1 more', hidden.length)}
          </span>
        )}
      </span>
    </div>
  );
}

interface IMetricsProps {
  moves: readonly IMove[];
  /** The width there is for them. */
  room: number;
  trans: TranslationBundle;
}

/** As many metrics as there is room for, one at least; the others are counted. */
function Metrics({ moves, room, trans }: IMetricsProps): React.JSX.Element {
  const badges = moves.map(move => ({
    key: move.key,
    value: formatDigits(move.value, 4),
    change: changeOf(move),
    title:
      move.before === undefined
        ? `${move.key} = ${formatNumber(move.value)}`
        : trans.__(
            '%1 = %2, before: %3',
            move.key,
            formatNumber(move.value),
            formatNumber(move.before)
          )
  }));
  const count = countFitting(badges, room);
  const hidden = badges.slice(count);
  return (
    <div className="jp-MlmHistory-line jp-MlmHistory-metrics">
      {badges.slice(0, count).map(({ key, value, change, title }) => (
        <span key={key} className="jp-MlmHistory-metric" title={title}>
          {key} <b>{value}</b>
          {change && <i>{change}</i>}
        </span>
      ))}
      {hidden.length > 0 && (
        <span className="jp-MlmHistory-more" title={hidden.map(({ title }) => title).join('\n')}>
          +{hidden.length}
        </span>
      )}
    </div>
  );
}

/** How many badges fit: a character is about so wide, and so is what is around it and the count of the others. */
function countFitting(
  badges: readonly { key: string; value: string; change: string }[],
  room: number
): number {
  let left = room - (badges.length > 1 ? COUNT_PX : 0);
  const count = badges.findIndex(({ key, value, change }) => {
    left -= (key + value + change).length * CHARACTER_PX + BADGE_PX;
    return left < 0;
  });
  return count < 0 ? badges.length : Math.max(1, count);
}

function shorten(source: string): string {
  const lines = source.split('\n');
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'].join('\n') : source;
}
