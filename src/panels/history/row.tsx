/**
 * One entry of the timeline. Its height follows from what it has to say, so that 10,000 of them can be laid out unseen.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { kernelIcon, tagIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatAge, formatMoment, formatNumber, formatSpan } from '../../format';
import type { IEntry, IMove } from '../../model/entries';
import type { IGraphRow } from '../../model/graph';
import { Rail, railWidth } from './rail';
import { changeOf, describeEntry, type IMarks, statusOf, titleOf } from './words';

const LINE_PX = 18;
const PADDING_PX = 8;
/** More names than this are counted. */
const MOST_NAMES = 6;
/** So much of a cell is shown when the mouse rests on it. */
const MOST_LINES = 24;

export interface IRowProps extends IMarks {
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
  trans: TranslationBundle;
  onActivate(id: string): void;
  onOpen(): void;
  onVariable(name: string): void;
}

/** Whether an entry has a line beside the first. */
function hasFacts({ changes, status, duration_ms, is_saving }: IEntry): boolean {
  const { added, changed, removed } = changes;
  const isQuiet = (status === null || status === 'ok') && duration_ms === null && !is_saving;
  return !isQuiet || added.length + changed.length + removed.length > 0;
}

export function rowHeight(entry: IEntry): number {
  const lines =
    1 +
    Number(Boolean(entry.name || entry.note)) +
    Number(hasFacts(entry)) +
    Number(Object.keys(entry.metrics).length > 0);
  return lines * LINE_PX + PADDING_PX;
}

export const Row = React.memo(function Row(props: IRowProps): React.JSX.Element {
  const { entry, moves, lanes, trans, now } = props;
  const height = rowHeight(entry);
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
      {hasFacts(entry) && <Facts entry={entry} trans={trans} onVariable={props.onVariable} />}
      {moves.length > 0 && <Metrics moves={moves} trans={trans} />}
    </div>
  );
});

function Label({ entry }: { entry: IEntry }): React.JSX.Element {
  return (
    <div className="jp-MlmHistory-line jp-MlmHistory-label" title={entry.note ?? undefined}>
      {entry.name && <tagIcon.react tag="span" className="jp-MlmHistory-tag" />}
      {entry.name && <strong>{entry.name}</strong>}
      {entry.note && <em>{entry.note}</em>}
    </div>
  );
}

interface IFactsProps {
  entry: IEntry;
  trans: TranslationBundle;
  onVariable(name: string): void;
}

/** How the cell ended, which variables it left different, how long it took. */
function Facts({ entry, trans, onVariable }: IFactsProps): React.JSX.Element {
  const { added, changed, removed } = entry.changes;
  const names = [
    ...added.map(name => ({
      name,
      sign: '+',
      change: 'added',
      title: trans.__('%1 was added.', name)
    })),
    ...changed.map(name => ({
      name,
      sign: '~',
      change: 'changed',
      title: trans.__('%1 was changed.', name)
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
      {isEnding && (
        <span className="jp-MlmHistory-status" data-status={entry.status ?? 'saving'}>
          {statusOf(entry, trans)}
        </span>
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
      {entry.duration_ms !== null && (
        <span className="jp-MlmHistory-duration">{formatSpan(entry.duration_ms, trans)}</span>
      )}
    </div>
  );
}

interface IMetricsProps {
  moves: readonly IMove[];
  trans: TranslationBundle;
}

function Metrics({ moves, trans }: IMetricsProps): React.JSX.Element {
  return (
    <div className="jp-MlmHistory-line jp-MlmHistory-metrics">
      {moves.map(move => (
        <span
          key={move.key}
          className="jp-MlmHistory-metric"
          title={
            move.before === undefined
              ? `${move.key} = ${formatNumber(move.value)}`
              : trans.__(
                  '%1 = %2, before: %3',
                  move.key,
                  formatNumber(move.value),
                  formatNumber(move.before)
                )
          }
        >
          <span>{move.key}</span> <b>{formatNumber(move.value)}</b>
          {changeOf(move) && <i>{changeOf(move)}</i>}
        </span>
      ))}
    </div>
  );
}

function shorten(source: string): string {
  const lines = source.split('\n');
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'].join('\n') : source;
}
