/**
 * A table of variables that draws only the rows in sight; a row opens to show its value.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import type { Changes, Variable } from '../../schema';
import { rowAfter, withOne } from '../longList';
import { Headings } from './headings';
import { VariableRow } from './row';
import { type IVariableQuery, selectRows, toRows } from './rows';
import '../../../src/style/variables.css';

export interface IVariableTableProps {
  variables: readonly Variable[];
  trans: TranslationBundle;
  /** What the table is called for those who do not see it. */
  label: string;
  /** In which variables the checkpoint differs from its parent: they are marked, and can be shown alone. */
  changes?: Changes;
  /** Draw the source of a function or class; as plain text without it. */
  renderSource?: (source: string) => React.ReactNode;
  /** Draw more of a variable than its preview has, below it. */
  renderMore?: (variable: Variable) => React.ReactNode;
}

const ROW = 28;
/** As many rows further Page Up and Page Down go. */
const PAGE = 12;
const FIRST: IVariableQuery = { text: '', onlyMarked: false, column: 'name', isDescending: false };

export function VariableTable(props: IVariableTableProps): React.JSX.Element {
  const { variables, changes, trans } = props;
  const [query, setQuery] = React.useState(FIRST);
  const text = React.useDeferredValue(query.text);
  const all = React.useMemo(() => toRows(variables, changes), [variables, changes]);
  const rows = React.useMemo(() => selectRows(all, { ...query, text }), [all, query, text]);
  const change = (part: Partial<IVariableQuery>): void =>
    setQuery(before => ({ ...before, ...part }));
  const marked = all.filter(row => row.mark).length;
  return (
    <div className="jp-MlmVariables">
      <div className="jp-MlmVariables-bar">
        <input
          type="search"
          className="jp-mod-styled jp-MlmVariables-filter"
          placeholder={trans.__('Filter by name, type or value')}
          aria-label={trans.__('Filter by name, type or value')}
          value={query.text}
          onChange={event => change({ text: event.target.value })}
        />
        {changes && (
          <label className="jp-MlmVariables-only">
            <input
              type="checkbox"
              checked={query.onlyMarked}
              onChange={event => change({ onlyMarked: event.target.checked })}
            />
            {trans.__('Only what changed here (%1)', marked)}
          </label>
        )}
        <span className="jp-MlmVariables-count" role="status">
          {trans.__('%1 of %2', rows.length.toLocaleString(), all.length.toLocaleString())}
        </span>
      </div>
      {changes && changes.removed.length > 0 && (
        <p className="jp-MlmVariables-removed">
          {trans.__('Removed here: %1', changes.removed.slice(0, 200).join(', '))}
        </p>
      )}
      {rows.length === 0 ? (
        <p className="jp-MlmVariables-empty">{emptyText(all.length, query, trans)}</p>
      ) : (
        <Grid {...props} rows={rows} query={query} onSort={change} />
      )}
    </div>
  );
}

function emptyText(count: number, query: IVariableQuery, trans: TranslationBundle): string {
  if (count === 0) {
    return trans.__('There were no variables at this moment.');
  }
  return query.text.trim() === ''
    ? trans.__('No variable changed here. Untick the box above to see the others.')
    : trans.__('No variable fits the filter. Shorten it to see more.');
}

interface IGridProps extends IVariableTableProps {
  rows: ReturnType<typeof selectRows>;
  query: IVariableQuery;
  onSort(part: Partial<IVariableQuery>): void;
}

function Grid(props: IGridProps): React.JSX.Element {
  const { rows, trans } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [open, setOpen] = React.useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = React.useState(0);
  const reachable = Math.min(active, rows.length - 1);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: index => rows[index].variable.name,
    estimateSize: () => ROW,
    overscan: 8,
    // The row that Tab goes to is there also when it is scrolled out of sight.
    rangeExtractor: range => withOne(range, reachable)
  });
  const moveTo = (index: number): void => {
    const target = Math.max(0, Math.min(rows.length - 1, index));
    setActive(target);
    virtual.scrollToIndex(target);
    requestAnimationFrame(() => focusRow(scroller.current, target));
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const isOnRow = (event.target as HTMLElement).classList.contains('jp-MlmVariables-name');
    const target = isOnRow ? rowAfter(event.key, reachable, PAGE, rows.length) : null;
    if (target !== null) {
      event.preventDefault();
      moveTo(target);
    }
  };
  const toggle = (name: string): void =>
    setOpen(before => {
      const after = new Set(before);
      return after.delete(name) ? after : after.add(name);
    });
  return (
    <div
      ref={scroller}
      className="jp-MlmVariables-table"
      role="table"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      onKeyDown={onKeyDown}
    >
      <Headings query={props.query} onSort={props.onSort} trans={trans} />
      <div
        role="rowgroup"
        className="jp-MlmVariables-rows"
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map(item => (
          <VariableRow
            key={item.key}
            {...props}
            row={rows[item.index]}
            index={item.index}
            start={item.start}
            measure={virtual.measureElement}
            isOpen={open.has(rows[item.index].variable.name)}
            isReachable={item.index === reachable}
            onToggle={() => {
              setActive(item.index);
              toggle(rows[item.index].variable.name);
              requestAnimationFrame(() => showRow(scroller.current, item.index));
            }}
          />
        ))}
      </div>
    </div>
  );
}

/** What a row opens to may lie below what is on screen. */
function showRow(scroller: HTMLElement | null, index: number): void {
  const row = scroller?.querySelector(`[data-index="${index}"]`);
  row?.scrollIntoView?.({ block: 'nearest' });
}

function focusRow(scroller: HTMLElement | null, index: number): void {
  scroller
    ?.querySelector<HTMLElement>(`[data-index="${index}"] .jp-MlmVariables-name`)
    ?.focus({ preventScroll: true });
}
