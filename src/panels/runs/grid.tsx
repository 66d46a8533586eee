/**
 * The runs as a grid that draws only the rows in sight: columns where it is wide, two lines a run where it is narrow.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import {
  type ColumnDef,
  flexRender,
  getCoreRowModel,
  type Row,
  type Table,
  useReactTable
} from '@tanstack/react-table';
import { type Range, useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { useNow } from '../clock';
import { rowAfter, withOne } from '../longList';
import { columnsOf, compactColumns, type IColumnMeta, Shown } from './columns';
import { nextOrder, orderOf, withOrder } from './order';
import { type IRow, toRows } from './rows';
import type { RunsModel } from '../../model/runs';

/** What the grid can have done to a run. */
export interface IRunActions {
  open(run: string): void;
  remove(run: string): void;
  compare(): void;
  openMenu(run: string, x: number, y: number): void;
}

export interface IGridProps {
  model: RunsModel;
  actions: IRunActions;
  isWide: boolean;
  trans: TranslationBundle;
}

const WIDE_ROW = 28;
const COMPACT_ROW = 44;

export function RunsGrid({ model, actions, isWide, trans }: IGridProps): React.JSX.Element {
  const now = useNow(model.items.some(run => run.status === 'running'));
  const order = orderOf(model.query);
  const isOrdered = order !== null;
  const rows = React.useMemo(() => toRows(model.items, isOrdered), [model.items, isOrdered]);
  const columns = React.useMemo<ColumnDef<IRow>[]>(
    () => (isWide ? columnsOf(model.items, trans) : compactColumns(trans)),
    [isWide, model.items, trans]
  );
  const table = useReactTable({
    data: rows,
    columns,
    getRowId: row => row.run.id,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true
  });
  const activeIndex = rows.findIndex(row => row.run.id === model.active);
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isWide ? WIDE_ROW : COMPACT_ROW),
    overscan: 8,
    rangeExtractor: React.useCallback((range: Range) => withOne(range, activeIndex), [activeIndex])
  });
  React.useEffect(() => virtual.measure(), [isWide]);
  const shown = virtual.getVirtualItems();
  const last = virtual.range?.endIndex ?? 0;
  React.useEffect(() => {
    if (model.hasMore && last >= rows.length - 20) {
      void model.loadMore();
    }
  }, [last, rows.length, model.hasMore]);
  const moveTo = (index: number): void => {
    const target = Math.max(0, Math.min(rows.length - 1, index));
    model.setActive(rows[target].run.id);
    virtual.scrollToIndex(target);
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.target !== event.currentTarget || rows.length === 0) {
      return;
    }
    const page = Math.max(1, shown.length - 16);
    const target = rowAfter(event.key, activeIndex, page, rows.length);
    if (target !== null) {
      moveTo(target);
    } else if (!act(event, model, actions, scroller.current)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const width = table.getTotalSize();
  return (
    <Shown.Provider value={{ now, trans, model, actions }}>
      <div
        ref={scroller}
        className={`jp-MlmRuns-grid ${isWide ? 'jp-mod-wide' : 'jp-mod-compact'}`}
        role="grid"
        tabIndex={0}
        aria-label={trans.__('Runs')}
        aria-rowcount={model.total + (isWide ? 1 : 0)}
        aria-colcount={columns.length}
        aria-multiselectable
        aria-activedescendant={activeIndex >= 0 ? rowId(rows[activeIndex]) : undefined}
        onKeyDown={onKeyDown}
        onFocus={event => {
          if (event.target === event.currentTarget && activeIndex < 0 && rows.length) {
            moveTo(0);
          }
        }}
      >
        {isWide && <Headings table={table} model={model} trans={trans} />}
        <div
          role="rowgroup"
          className="jp-MlmRuns-rows"
          style={{ height: virtual.getTotalSize(), width: isWide ? width : undefined }}
        >
          {shown.map(item => (
            <RunRow
              key={rows[item.index].run.id}
              row={table.getRowModel().rows[item.index]}
              index={item.index + (isWide ? 2 : 1)}
              top={item.start}
              height={item.size}
              isWide={isWide}
            />
          ))}
        </div>
      </div>
    </Shown.Provider>
  );
}

/** Do what a key means for the run it is at; false: it means nothing here. */
function act(
  event: React.KeyboardEvent,
  model: RunsModel,
  actions: IRunActions,
  grid: HTMLElement | null
): boolean {
  const id = model.active;
  if (event.key === 'Escape' && model.selected.length) {
    model.clearSelection();
    return true;
  }
  if (id === null || !model.items.some(run => run.id === id)) {
    return false;
  }
  if (event.key === 'Enter') {
    if (event.ctrlKey || event.metaKey) {
      actions.compare();
    } else {
      actions.open(id);
    }
  } else if (event.key === ' ') {
    model.toggle(id);
  } else if (event.key === 'Delete') {
    actions.remove(id);
  } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
    const box = grid?.querySelector('[role=row].jp-mod-active')?.getBoundingClientRect();
    actions.openMenu(id, box?.left ?? 0, box?.bottom ?? 0);
  } else {
    return false;
  }
  return true;
}

function Headings(props: {
  table: Table<IRow>;
  model: RunsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { table, model, trans } = props;
  const order = orderOf(model.query);
  return (
    <div role="rowgroup" className="jp-MlmRuns-headings" style={{ width: table.getTotalSize() }}>
      <div role="row" aria-rowindex={1} className="jp-MlmRuns-row">
        {table.getFlatHeaders().map(header => {
          const meta = header.column.columnDef.meta as IColumnMeta;
          const isSorted = meta.field !== null && order?.field === meta.field;
          const content = flexRender(header.column.columnDef.header, header.getContext());
          return (
            <div
              key={header.id}
              role="columnheader"
              className={meta.className}
              style={{ width: header.getSize() }}
              aria-sort={isSorted ? (order?.isDescending ? 'descending' : 'ascending') : undefined}
            >
              {meta.field === null ? (
                content
              ) : (
                <button
                  title={trans.__('Sort by %1', meta.title)}
                  onClick={() =>
                    void model.setQuery(withOrder(model.query, nextOrder(order, meta.field!)))
                  }
                >
                  <span>{content}</span>
                  {isSorted &&
                    (order?.isDescending ? (
                      <caretDownIcon.react tag="span" />
                    ) : (
                      <caretUpIcon.react tag="span" />
                    ))}
                </button>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function RunRow(props: {
  row: Row<IRow>;
  index: number;
  top: number;
  height: number;
  isWide: boolean;
}): React.JSX.Element {
  const { row, index, top, height, isWide } = props;
  const { model, actions } = React.useContext(Shown);
  const { id } = row.original.run;
  const isSelected = model.selected.includes(id);
  const classes = ['jp-MlmRuns-row'];
  if (model.active === id) {
    classes.push('jp-mod-active');
  }
  if (isSelected) {
    classes.push('jp-mod-selected');
  }
  return (
    <div
      role="row"
      id={rowId(row.original)}
      className={classes.join(' ')}
      aria-rowindex={index}
      aria-selected={isSelected}
      style={{ transform: `translateY(${top}px)`, height }}
      onClick={() => model.setActive(id)}
      onDoubleClick={() => actions.open(id)}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        model.setActive(id);
        actions.openMenu(id, event.clientX, event.clientY);
      }}
    >
      {row.getVisibleCells().map(cell => (
        <div
          key={cell.id}
          role="gridcell"
          className={(cell.column.columnDef.meta as IColumnMeta).className}
          style={isWide ? { width: cell.column.getSize() } : undefined}
        >
          {flexRender(cell.column.columnDef.cell, cell.getContext())}
        </div>
      ))}
    </div>
  );
}

function rowId(row: IRow): string {
  return `jp-MlmRun-${row.run.id}`;
}
