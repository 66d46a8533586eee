/**
 * The graph beside an entry: the lines that run through its row, and a mark whose shape says what the entry is.
 */
import * as React from 'react';

import type { IEntry } from '../../model/entries';
import type { IGraphRow } from '../../model/graph';

/** More lanes than this share the last one. */
export const MOST_LANES = 6;

const LANE_PX = 10;
const MARGIN_PX = 10;
const BEND_PX = 6;

interface IRailProps {
  entry: IEntry;
  /** Without it, the mark alone is drawn. */
  row: IGraphRow | undefined;
  lanes: number;
  height: number;
  /** Where the mark is. */
  y: number;
  path: ReadonlySet<string>;
  isCurrent: boolean;
}

/** The width of the graph. */
export function railWidth(lanes: number): number {
  return MARGIN_PX * 2 + (Math.min(lanes, MOST_LANES) - 1) * LANE_PX;
}

export function Rail(props: IRailProps): React.JSX.Element {
  const { entry, row, lanes, height, y, path, isCurrent } = props;
  const x = xOf(row?.lane ?? 0);
  return (
    <svg className="jp-MlmRail" width={railWidth(lanes)} height={height} aria-hidden="true">
      {row && drawLines(row, x, y, height, path, entry.id)}
      <g
        className="jp-MlmRail-mark"
        data-path={path.has(entry.id)}
        transform={`translate(${x} ${y})`}
      >
        {isCurrent && <circle className="jp-MlmRail-here" r="7" />}
        <Mark entry={entry} />
      </g>
    </svg>
  );
}

function drawLines(
  row: IGraphRow,
  x: number,
  y: number,
  height: number,
  path: ReadonlySet<string>,
  id: string
): React.JSX.Element[] {
  const line = (key: string, child: string, d: string): React.JSX.Element => (
    <path key={key} d={d} data-path={path.has(child)} />
  );
  const lines = row.passing.map(({ lane, child }) =>
    line(`p${lane}`, child, `M${xOf(lane)} 0V${height}`)
  );
  for (const { lane, child } of row.joining) {
    const from = xOf(lane);
    const bend = from > x ? -BEND_PX : BEND_PX;
    lines.push(
      line(`j${lane}`, child, `M${from} 0V${y - BEND_PX}Q${from} ${y} ${from + bend} ${y}H${x}`)
    );
  }
  if (row.above !== null) {
    lines.push(line('above', row.above, `M${x} 0V${y}`));
  }
  if (row.hasParent) {
    lines.push(line('below', id, `M${x} ${y}V${height}`));
  }
  // What leads to where the kernel stands is drawn over the rest.
  return lines.sort((a, b) => Number(a.props['data-path']) - Number(b.props['data-path']));
}

/** Saving: a broken ring; failed: a disc with a cross; interrupted: a square; by hand: a diamond; a save: a small ring. */
function Mark({ entry }: { entry: IEntry }): React.JSX.Element {
  if (entry.is_saving) {
    return <circle className="jp-MlmRail-saving" r="4" />;
  }
  if (entry.status === 'error') {
    return (
      <g className="jp-MlmRail-failed">
        <circle r="5" />
        <path d="M-2 -2L2 2M2 -2L-2 2" />
      </g>
    );
  }
  if (entry.status === 'interrupted') {
    return <rect className="jp-MlmRail-interrupted" x="-4" y="-4" width="8" height="8" rx="1" />;
  }
  if (entry.kind === 'save') {
    return <circle className="jp-MlmRail-ring" r="2.5" />;
  }
  return entry.kind === 'cell' ? <circle r="4" /> : <path d="M0 -5L5 0L0 5L-5 0Z" />;
}

function xOf(lane: number): number {
  return MARGIN_PX + Math.min(lane, MOST_LANES - 1) * LANE_PX;
}
