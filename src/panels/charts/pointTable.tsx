/**
 * A chart as a table, for who reads numbers or hears them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatMoment, formatNumber, formatSpan } from '../../format';
import { align, type Axis, type ISeries } from './series';

/** As many rows come at a time. */
const PAGE = 200;

export function PointTable(props: {
  title: string;
  series: readonly ISeries[];
  axis: Axis;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { title, series, axis, trans } = props;
  const [count, setCount] = React.useState(PAGE);
  const [xs, ...columns] = React.useMemo(() => align(series, axis), [series, axis]);
  return (
    <div
      className="jp-MlmChart-table"
      role="region"
      aria-label={trans.__('Values of %1', title)}
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{axis === 'step' ? trans.__('step') : trans.__('time')}</th>
            {series.map(one => (
              <th key={one.id} scope="col">
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {xs.slice(0, count).map((x, row) => (
            <tr key={row}>
              <th scope="row">{position(x, axis, trans)}</th>
              {columns.map((column, index) => (
                <td key={index}>{cell(column[row])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {xs.length > count && (
        <button className="jp-Button jp-mod-styled" onClick={() => setCount(count + PAGE)}>
          {trans.__('Show more: %1 of %2 rows are shown', count, xs.length)}
        </button>
      )}
    </div>
  );
}

function position(x: number, axis: Axis, trans: TranslationBundle): string {
  switch (axis) {
    case 'step':
      return String(x);
    case 'relative':
      return formatSpan(x * 1000, trans);
    case 'time':
      return formatMoment(x * 1000);
  }
}

/** A gap that was logged is a value that is no number; where a curve has no point, nothing. */
function cell(value: number | null | undefined): string {
  return value === undefined ? '' : formatNumber(value);
}
