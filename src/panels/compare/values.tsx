/**
 * How a value changed, by its kind: tables as tables, texts as lines, what cannot be looked into as both previews.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatNumber } from '../../format';
import type {
  ArrayDiff,
  ColumnSummary,
  ItemChange,
  Preview,
  Summary,
  TableDiff,
  ValueDiff
} from '../../schema';
import { parseLines } from './lines';
import { PreviewView } from '../variables/preview';
import { Lines, Nothing } from './table';
import { amount, headline } from './words';

interface IProps<T> {
  diff: T;
  name: string;
  trans: TranslationBundle;
}

export function ValueView(props: IProps<ValueDiff>): React.JSX.Element {
  const { diff, name, trans } = props;
  switch (diff.kind) {
    case 'unchanged':
      return <p>{headline(diff, trans)}</p>;
    case 'replaced':
      return (
        <>
          {diff.reason && <p className="jp-MlmCompare-note">{diff.reason}</p>}
          <Previews before={diff.before} after={diff.after} trans={trans} />
        </>
      );
    case 'items':
      return (
        <Items
          changes={diff.changes}
          count={diff.count}
          label={trans.__('What differs inside %1', name)}
          trans={trans}
        />
      );
    case 'text':
      return (
        <>
          <Lines
            label={trans.__('What differs in the text of %1', name)}
            lines={parseLines(diff.lines)}
            trans={trans}
          />
          {diff.is_truncated && (
            <p className="jp-MlmCompare-note">{trans.__('Only the first lines are listed.')}</p>
          )}
        </>
      );
    case 'array':
      return <ArrayView diff={diff} name={name} trans={trans} />;
    case 'table':
      return <TableView diff={diff} name={name} trans={trans} />;
  }
}

/** Both sides as they were kept to be shown. */
export function Previews(props: {
  before: Preview;
  after: Preview;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { before, after, trans } = props;
  return (
    <div className="jp-MlmCompare-pair">
      <section aria-label={trans.__('Base')}>
        <PreviewView preview={before} trans={trans} />
      </section>
      <section aria-label={trans.__('Other')}>
        <PreviewView preview={after} trans={trans} />
      </section>
    </div>
  );
}

function ArrayView({ diff, name, trans }: IProps<ArrayDiff>): React.JSX.Element {
  if (!diff.examples?.length) {
    return <p>{headline(diff, trans)}</p>;
  }
  return (
    <Items
      changes={diff.examples}
      count={diff.differing ?? 0}
      label={trans.__('Elements of %1 that differ', name)}
      trans={trans}
    />
  );
}

function Items(props: {
  changes: readonly ItemChange[];
  count: number;
  label: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { changes, trans } = props;
  const hasNotes = changes.some(change => change.note);
  return (
    <Grid
      label={props.label}
      headings={[
        trans.__('Place'),
        trans.__('Base'),
        trans.__('Other'),
        ...(hasNotes ? [trans.__('What')] : [])
      ]}
      rows={changes.map(change => [
        change.path ? <code>{change.path}</code> : trans.__('the value'),
        change.before ?? <Nothing />,
        change.after ?? <Nothing />,
        ...(hasNotes ? [change.note ?? ''] : [])
      ])}
      left={props.count - changes.length}
      trans={trans}
    />
  );
}

function TableView({ diff, name, trans }: IProps<TableDiff>): React.JSX.Element {
  const columns = (list: TableDiff['columns_added']): string =>
    (list ?? []).map(column => `${column.name} (${column.dtype})`).join(', ');
  const rows = (labels: readonly string[] | undefined, count: number | undefined): string =>
    [...(labels ?? []), ...((count ?? 0) > (labels?.length ?? 0) ? ['…'] : [])].join(', ');
  const retyped = [
    ...(diff.index_retyped ? [diff.index_retyped] : []),
    ...(diff.columns_retyped ?? [])
  ]
    .map(({ name, before, after }) => `${name}: ${before} → ${after}`)
    .join(', ');
  const facts: [string, string][] = [
    [trans.__('Columns added'), columns(diff.columns_added)],
    [trans.__('Columns removed'), columns(diff.columns_removed)],
    [trans.__('Of another type'), retyped],
    [trans.__('Cells not compared in'), (diff.columns_not_compared ?? []).join(', ')],
    [trans.__('Rows added'), rows(diff.added_rows, diff.rows_added)],
    [trans.__('Rows removed'), rows(diff.removed_rows, diff.rows_removed)]
  ];
  const shown = facts.filter(([, text]) => text !== '');
  return (
    <>
      {shown.length > 0 && (
        <dl className="jp-MlmCompare-facts">
          {shown.map(([term, text]) => (
            <React.Fragment key={term}>
              <dt>{term}</dt>
              <dd>{text}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {diff.examples?.length ? (
        <Grid
          label={trans.__('Cells of %1 that differ', name)}
          headings={[trans.__('Row'), trans.__('Column'), trans.__('Base'), trans.__('Other')]}
          rows={diff.examples.map(cell => [cell.row, cell.column, cell.before, cell.after])}
          left={(diff.cells_changed ?? 0) - diff.examples.length}
          trans={trans}
        />
      ) : null}
      {diff.summaries?.length ? (
        <Summaries summaries={diff.summaries} name={name} trans={trans} />
      ) : null}
    </>
  );
}

const FIELDS: readonly (keyof Summary)[] = ['count', 'mean', 'std', 'min', 'max'];

function Summaries(props: {
  summaries: readonly ColumnSummary[];
  name: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  const text = (field: keyof Summary, value: number | null): string =>
    field === 'count' && value !== null ? amount(value) : formatNumber(value);
  return (
    <Grid
      label={trans.__('Numbers of the columns of %1 that changed', props.name)}
      headings={[trans.__('Column'), ...FIELDS]}
      rows={props.summaries.map(({ column, before, after }) => [
        column,
        ...FIELDS.map(field =>
          before[field] === after[field]
            ? text(field, after[field])
            : `${text(field, before[field])} → ${text(field, after[field])}`
        )
      ])}
      left={0}
      trans={trans}
    />
  );
}

/** A plain table: the first column names the row. */
function Grid(props: {
  label: string;
  headings: readonly string[];
  rows: readonly (readonly React.ReactNode[])[];
  /** How many rows are not listed. */
  left: number;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <>
      <div className="jp-MlmCompare-scroll" tabIndex={0} role="group" aria-label={props.label}>
        <table className="jp-MlmCompare-table">
          <thead>
            <tr>
              {props.headings.map(heading => (
                <th key={heading} scope="col">
                  {heading}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.rows.map(([first, ...others], index) => (
              <tr key={index}>
                <th scope="row">{first}</th>
                {others.map((cell, place) => (
                  <td key={place}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {props.left > 0 && (
        <p className="jp-MlmCompare-note">
          {props.trans._n('and %2 more', 'and %2 more', props.left, amount(props.left))}
        </p>
      )}
    </>
  );
}
