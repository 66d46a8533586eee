/**
 * The headings of a table of variables: each sorts by its column, a second press the other way round.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IVariableQuery, VariableColumn } from './rows';

interface IHeadingsProps {
  query: IVariableQuery;
  onSort(part: Partial<IVariableQuery>): void;
  trans: TranslationBundle;
}

/** What is interesting of these are the largest, so the first press shows them first. */
const LARGEST_FIRST: readonly VariableColumn[] = ['shape', 'size'];

export function Headings({ query, onSort, trans }: IHeadingsProps): React.JSX.Element {
  const titles: [VariableColumn, string][] = [
    ['name', trans.__('Name')],
    ['type', trans.__('Type')],
    ['shape', trans.__('Shape')],
    ['size', trans.__('Size')],
    ['status', trans.__('Status')],
    ['value', trans.__('Value')]
  ];
  return (
    <div role="rowgroup" className="jp-MlmVariables-headings">
      <div role="row" className="jp-MlmVariables-cells" aria-rowindex={1}>
        {titles.map(([column, title]) => {
          const isSorted = query.column === column;
          const isDescending = isSorted ? !query.isDescending : LARGEST_FIRST.includes(column);
          const Icon = query.isDescending ? caretDownIcon : caretUpIcon;
          return (
            <div
              key={column}
              role="columnheader"
              data-column={column}
              aria-sort={isSorted ? (query.isDescending ? 'descending' : 'ascending') : 'none'}
            >
              <button type="button" onClick={() => onSort({ column, isDescending })}>
                {title}
                {isSorted && <Icon.react tag="span" elementSize="normal" aria-hidden />}
              </button>
            </div>
          );
        })}
      </div>
    </div>
  );
}
