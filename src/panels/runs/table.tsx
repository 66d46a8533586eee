/**
 * The table of a comparison: a column for each run, a row for each fact, only those that differ at first.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatMoment, formatNumber, formatSpan } from '../../format';
import { compareIcon } from '../../icons';
import type { Run } from '../../schema';
import { CommandIDs, type IServices } from '../../tokens';
import { useNow } from '../clock';
import { bestOf, compareRuns, type IComparedRow, isLessBetter, type RowKind } from './differs';
import { durationOf } from './rows';
import { Status } from './status';

interface ITableProps {
  runs: readonly Run[];
  project: string;
  services: IServices;
}

export function ComparisonTable({ runs, project, services }: ITableProps): React.JSX.Element {
  const { trans, commands } = services;
  const [isOnlyDifferent, setIsOnlyDifferent] = React.useState(true);
  const [turned, setTurned] = React.useState<ReadonlySet<string>>(new Set());
  const rows = compareRuns(runs);
  const shown = rows.filter(row => row.isDifferent || !isOnlyDifferent);
  const turn = (key: string): void =>
    setTurned(before => {
      const after = new Set(before);
      return after.delete(key) ? after : after.add(key);
    });
  return (
    <section aria-label={trans.__('What differs')}>
      <div className="jp-MlmRunView-bar">
        <h2>{trans._n('One run', '%1 runs', runs.length)}</h2>
        <label>
          <input
            type="checkbox"
            checked={isOnlyDifferent}
            onChange={event => setIsOnlyDifferent(event.target.checked)}
          />
          {trans.__('Only what differs')}
        </label>
        <span className="jp-MlmCharts-note" role="status">
          {trans._n(
            'One of %2 rows differs',
            '%1 of %2 rows differ',
            rows.filter(row => row.isDifferent).length,
            rows.length
          )}
        </span>
        <CompareNotebooks runs={runs} project={project} services={services} />
      </div>
      <div
        className="jp-MlmRunView-scroller"
        role="region"
        aria-label={trans.__('The runs in columns')}
        tabIndex={0}
      >
        <table className="jp-MlmCompareRuns">
          <thead>
            <tr>
              <td />
              {runs.map(run => (
                <th key={run.id} scope="col">
                  <button
                    className="jp-MlmLink"
                    title={trans.__('Open the run %1', run.name)}
                    onClick={() =>
                      void commands.execute(CommandIDs.openRun, { project, run: run.id })
                    }
                  >
                    {run.name}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <Facts runs={runs} isOnlyDifferent={isOnlyDifferent} trans={trans} />
          {(['param', 'metric', 'tag'] as const).map(kind => (
            <Rows
              key={kind}
              kind={kind}
              rows={shown.filter(row => row.kind === kind)}
              turned={turned}
              onTurn={turn}
              trans={trans}
              columns={runs.length}
            />
          ))}
        </table>
      </div>
    </section>
  );
}

/** Of two runs, a button for what differs between them in full, their notebooks as each run left them among it. */
function CompareNotebooks({ runs, project, services }: ITableProps): React.JSX.Element | null {
  const { commands, trans } = services;
  const [base, other] = runs;
  const [first, second] = runs.map(run => run.last_checkpoint_id);
  if (runs.length !== 2 || !first || !second || first === second) {
    return null;
  }
  const pair = { project, base: base.id, other: other.id, are_runs: true };
  return (
    <button
      className="jp-Button jp-mod-styled jp-mod-minimal jp-MlmRunView-compare"
      title={trans.__('Show what differs between the two runs and between their last checkpoints')}
      onClick={() => void commands.execute(CommandIDs.compare, pair)}
    >
      <compareIcon.react tag="span" aria-hidden="true" />
      {trans.__('Compare the notebooks')}
    </button>
  );
}

/** What every run has: always shown, but for what they all have in common where only differences are wanted. */
function Facts(props: {
  runs: readonly Run[];
  isOnlyDifferent: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { runs, isOnlyDifferent, trans } = props;
  const now = useNow(runs.some(run => run.status === 'running'));
  const facts: { name: string; text(run: Run): string; node?(run: Run): React.ReactNode }[] = [
    {
      name: trans.__('Status'),
      text: run => run.status,
      node: run => <Status status={run.status} trans={trans} />
    },
    { name: trans.__('Started'), text: run => formatMoment(run.started_at) },
    {
      name: trans.__('Duration'),
      text: run => {
        const duration = durationOf(run, now);
        return duration === null ? '' : formatSpan(duration, trans);
      }
    },
    { name: trans.__('Experiment'), text: run => run.experiment },
    { name: trans.__('Notebook'), text: run => run.notebook ?? '' }
  ];
  const shown = facts.filter(
    ({ text }) => !isOnlyDifferent || runs.some(run => text(run) !== text(runs[0]))
  );
  return (
    <tbody>
      {shown.map(({ name, text, node }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {runs.map(run => (
            <td key={run.id}>{node ? node(run) : text(run)}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function Rows(props: {
  kind: RowKind;
  rows: readonly IComparedRow[];
  turned: ReadonlySet<string>;
  onTurn(key: string): void;
  trans: TranslationBundle;
  columns: number;
}): React.JSX.Element | null {
  const { kind, rows, turned, onTurn, trans, columns } = props;
  if (rows.length === 0) {
    return null;
  }
  return (
    <tbody className={`jp-mod-${kind}`}>
      <tr>
        <th scope="rowgroup" colSpan={columns + 1} className="jp-MlmCompareRuns-kind">
          {kindText(kind, trans)}
        </th>
      </tr>
      {rows.map(row => {
        const isLess = isLessBetter(row.key) !== turned.has(row.key);
        const best = kind === 'metric' ? bestOf(row.values, isLess) : [];
        return (
          <tr key={row.key} className={row.isDifferent ? 'jp-mod-different' : undefined}>
            <th scope="row">
              <span title={row.key}>{row.key}</span>
              {kind === 'metric' && best.length > 0 && (
                <button
                  className="jp-MlmCompareRuns-turn"
                  title={trans.__('Click to turn what counts as the best')}
                  onClick={() => onTurn(row.key)}
                >
                  {isLess ? trans.__('↓ less is better') : trans.__('↑ more is better')}
                </button>
              )}
            </th>
            {row.values.map((value, index) => (
              <Value key={index} value={value} isBest={best.includes(index)} trans={trans} />
            ))}
          </tr>
        );
      })}
    </tbody>
  );
}

function Value(props: {
  value: string | number | null;
  isBest: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { value, isBest, trans } = props;
  if (value === null) {
    return (
      <td className="jp-mod-absent">
        <span aria-hidden="true">–</span>
        <span className="jp-MlmUnseen">{trans.__('not logged')}</span>
      </td>
    );
  }
  if (typeof value === 'string') {
    return <td>{value}</td>;
  }
  return (
    <td className={`jp-mod-number${isBest ? ' jp-mod-best' : ''}`}>
      {isBest && (
        <span className="jp-MlmCompareRuns-best" title={trans.__('The best of these runs')}>
          <span aria-hidden="true">★</span>
          <span className="jp-MlmUnseen">{trans.__('best:')}</span>
        </span>
      )}
      {formatNumber(value)}
    </td>
  );
}

function kindText(kind: RowKind, trans: TranslationBundle): string {
  switch (kind) {
    case 'param':
      return trans.__('Params');
    case 'metric':
      return trans.__('Metrics, last values');
    case 'tag':
      return trans.__('Tags');
  }
}
