/**
 * The columns of the list of runs, and what stands in them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ColumnDef } from '@tanstack/react-table';
import * as React from 'react';

import { formatAge, formatMoment, formatNumber, formatSpan } from '../../format';
import { MOST_COMPARED, type RunsModel } from '../../model/runs';
import type { Run } from '../../schema';
import { formatDigits } from '../history/words';
import type { IRunActions } from './grid';
import { fieldOf } from './order';
import { durationOf, type IRow, keysOf } from './rows';
import { Status } from './status';

/** Room for any number as it is written, `-1.23457e+300`. */
const NUMBER_PX = 116;

/** The most keys of metrics, and of params, that get a column. */
const MOST_KEYS = 12;

/** What a column is sorted by in the query language (null: it cannot be), and how it is called in full. */
export interface IColumnMeta {
  field: string | null;
  title: string;
  className: string;
}

/** What every cell may ask for. */
export interface IShown {
  now: number;
  trans: TranslationBundle;
  model: RunsModel;
  actions: IRunActions;
}

export const Shown = React.createContext<IShown>(null as unknown as IShown);

/** Where it is wide: a column for each fact, metric and param. */
export function columnsOf(runs: readonly Run[], trans: TranslationBundle): ColumnDef<IRow>[] {
  const metrics = keysOf(
    runs.map(run => run.metrics),
    MOST_KEYS
  );
  const params = keysOf(
    runs.map(run => run.params),
    MOST_KEYS
  );
  return [
    column('select', trans.__('Select'), 32, null, ({ run }) => <Select run={run} />, ''),
    column('name', trans.__('Name'), 180, 'name', row => <Name row={row} />),
    column('status', trans.__('Status'), 96, 'status', ({ run }) => <RunStatus run={run} />),
    column('started', trans.__('Started'), 76, 'started_at', ({ run }) => <Age run={run} />),
    column('duration', trans.__('Duration'), 92, 'duration_ms', ({ run }) => <Span run={run} />),
    ...metrics.map(key =>
      column(
        `metrics.${key}`,
        key,
        NUMBER_PX,
        fieldOf('metrics', key),
        ({ run }) => (key in run.metrics ? formatNumber(run.metrics[key]) : ''),
        undefined,
        trans.__('metric %1', key)
      )
    ),
    ...params.map(key =>
      column(
        `params.${key}`,
        key,
        88,
        fieldOf('params', key),
        ({ run }) => <span title={run.params[key]}>{run.params[key] ?? ''}</span>,
        undefined,
        trans.__('param %1', key)
      )
    ),
    column('tags', trans.__('Tags'), 200, null, ({ run }) => <Tags run={run} />)
  ];
}

/** Where it is narrow: one column, two lines. */
export function compactColumns(trans: TranslationBundle): ColumnDef<IRow>[] {
  return [column('run', trans.__('Run'), 200, null, row => <CompactRun row={row} />)];
}

function column(
  id: string,
  header: string,
  size: number,
  field: string | null,
  cell: (row: IRow) => React.ReactNode,
  shownHeader = header,
  title = header
): ColumnDef<IRow> {
  const kind = id.split('.')[0];
  const meta: IColumnMeta = { field, title, className: `jp-MlmRuns-cell jp-mod-${kind}` };
  return {
    id,
    size,
    meta,
    header: () =>
      shownHeader ? (
        <span title={title}>{shownHeader}</span>
      ) : (
        <span className="jp-MlmUnseen">{header}</span>
      ),
    cell: context => cell(context.row.original)
  };
}

function CompactRun({ row }: { row: IRow }): React.JSX.Element {
  const { run } = row;
  const metrics = keysOf([run.metrics]);
  const params = keysOf([run.params]);
  return (
    <>
      <div className="jp-MlmRuns-line">
        <Select run={run} />
        <RunStatus run={run} isShort />
        <Name row={row} />
        <Age run={run} />
      </div>
      <div className="jp-MlmRuns-line jp-mod-facts">
        <Span run={run} />
        {metrics.map(key => (
          <span key={`m.${key}`} title={`${key} = ${formatNumber(run.metrics[key])}`}>
            {key} <b>{formatDigits(run.metrics[key], 4)}</b>
          </span>
        ))}
        {params.map(key => (
          <span key={`p.${key}`} title={`${key} = ${run.params[key]}`}>
            {key}={run.params[key]}
          </span>
        ))}
        <Tags run={run} />
      </div>
    </>
  );
}

function Select({ run }: { run: Run }): React.JSX.Element {
  const { model, trans } = React.useContext(Shown);
  const isSelected = model.selected.includes(run.id);
  const isFull = !isSelected && model.selected.length >= MOST_COMPARED;
  return (
    <input
      type="checkbox"
      tabIndex={-1}
      aria-label={trans.__('Select run %1 for comparing', run.name)}
      title={isFull ? trans.__('At most %1 runs are compared', MOST_COMPARED) : undefined}
      disabled={isFull}
      checked={isSelected}
      onChange={() => model.toggle(run.id)}
      onDoubleClick={event => event.stopPropagation()}
    />
  );
}

function Name({ row }: { row: IRow }): React.JSX.Element {
  const { actions, model, trans } = React.useContext(Shown);
  const { run, level } = row;
  const parent = model.items.find(other => other.id === run.parent_id);
  return (
    <span className="jp-MlmRuns-name" style={{ paddingLeft: Math.min(level, 4) * 12 }}>
      {run.parent_id !== null && (
        <span className="jp-MlmRuns-nested" title={nested(parent, trans)}>
          <span aria-hidden="true">↳</span>
          <span className="jp-MlmUnseen">{nested(parent, trans)}</span>
        </span>
      )}
      <button
        tabIndex={-1}
        title={trans.__('Open the run %1', run.name)}
        onClick={() => actions.open(run.id)}
      >
        {run.name}
      </button>
    </span>
  );
}

function nested(parent: Run | undefined, trans: TranslationBundle): string {
  return parent ? trans.__('Part of the run %1', parent.name) : trans.__('Part of another run');
}

function RunStatus({ run, isShort }: { run: Run; isShort?: boolean }): React.JSX.Element {
  const { trans } = React.useContext(Shown);
  return <Status status={run.status} trans={trans} isShort={isShort} />;
}

function Age({ run }: { run: Run }): React.JSX.Element {
  const { now, trans } = React.useContext(Shown);
  return (
    <time
      className="jp-MlmRuns-age"
      dateTime={new Date(run.started_at).toISOString()}
      title={formatMoment(run.started_at)}
    >
      {formatAge(run.started_at, now, trans)}
    </time>
  );
}

function Span({ run }: { run: Run }): React.JSX.Element | null {
  const { now, trans } = React.useContext(Shown);
  const duration = durationOf(run, now);
  return duration === null ? null : <span>{formatSpan(duration, trans)}</span>;
}

function Tags({ run }: { run: Run }): React.JSX.Element {
  return (
    <>
      {Object.entries(run.tags).map(([key, value]) => (
        <span key={key} className="jp-MlmTag" title={`${key} = ${value}`}>
          {key}={value}
        </span>
      ))}
    </>
  );
}
