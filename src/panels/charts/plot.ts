/**
 * One chart as uPlot draws it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import uPlot from 'uplot';

import { formatNumber } from '../../format';
import type { Aligned, Axis } from './series';
import { DASHES, type IChartTheme } from './theme';

interface IPlotStyle {
  theme: IChartTheme;
  /** For each curve, which of the theme's colours and dashes it has. */
  looks: readonly number[];
  axis: Axis;
  isLog: boolean;
  /** Whether the curves as they were logged lie faintly behind smoothed ones: then they are the first half. */
  hasRaw: boolean;
  width: number;
  height: number;
  trans: TranslationBundle;
}

export interface IPlotEvents {
  /** The cursor is at these rows, one for each curve. */
  onCursor(rows: readonly (number | null | undefined)[] | null): void;
  /** A part of the x axis was chosen: what share of all is in sight, 1 after a reset. */
  onZoom(share: number): void;
}

/** Draw curves into an element; charts with the same `group` show the cursor at the same place. */
export function plot(
  target: HTMLElement,
  data: Aligned,
  style: IPlotStyle,
  group: string,
  events: IPlotEvents
): uPlot {
  const { theme } = style;
  const axis: uPlot.Axis = {
    stroke: theme.faint,
    font: `11px ${theme.font}`,
    grid: { stroke: theme.grid, width: 1 },
    ticks: { stroke: theme.grid, width: 1, size: 4 },
    gap: 4
  };
  const options: uPlot.Options = {
    width: style.width,
    height: style.height,
    legend: { show: false },
    cursor: {
      sync: { key: `${group}:${style.axis}`, scales: ['x', null] },
      drag: { x: true, y: false, dist: 4 },
      points: { size: 6 }
    },
    scales: {
      x: { time: style.axis === 'time' },
      y: { distr: style.isLog ? 3 : 1 }
    },
    axes: [
      {
        ...axis,
        size: 28,
        values: style.axis === 'relative' ? (_, splits) => spans(splits, style.trans) : undefined
      },
      { ...axis, size: 62, values: (_, splits) => splits.map(value => tick(value)) }
    ],
    series: [{}, ...style.looks.map((look, index) => curve(style, look, index))],
    hooks: {
      setCursor: [
        self => events.onCursor(self.cursor.idx === null ? null : (self.cursor.idxs ?? []).slice(1))
      ],
      setScale: [
        (self, key) => {
          if (key === 'x') {
            events.onZoom(shareInSight(self));
          }
        }
      ]
    }
  };
  return new uPlot(options, (style.isLog ? positive(data) : data) as uPlot.AlignedData, target);
}

/** A logarithmic axis has no place for what is not above zero: a gap there. */
function positive([xs, ...columns]: Aligned): Aligned {
  return [
    xs,
    ...columns.map(column =>
      column.map(value => (typeof value === 'number' && value <= 0 ? null : value))
    )
  ];
}

function curve(style: IPlotStyle, look: number, index: number): uPlot.Series {
  const { theme, looks, hasRaw } = style;
  const stroke = theme.curves[look % theme.curves.length];
  if (hasRaw && index < looks.length / 2) {
    return { stroke, alpha: 0.3, width: 1, points: { show: false } };
  }
  return {
    stroke,
    width: 1.75,
    dash: [...DASHES[look % DASHES.length]],
    points: { size: 5, fill: stroke, stroke }
  };
}

function shareInSight(self: uPlot): number {
  const xs = self.data[0];
  const { min, max } = self.scales.x;
  const all = xs.length ? xs[xs.length - 1] - xs[0] : 0;
  // Not ranged yet: uPlot says null, whatever its types say.
  return typeof min !== 'number' || typeof max !== 'number' || all <= 0
    ? 1
    : Math.min(1, (max - min) / all);
}

function tick(value: number | null): string {
  return value === null ? '' : formatNumber(value);
}

/** Seconds since the start, in the unit of the widest: `0 s`, `90 s`, `5 min`, `2 h`. */
export function spans(splits: readonly number[], trans: TranslationBundle): string[] {
  const most = Math.max(...splits.map(Math.abs));
  if (most >= 7200) {
    return splits.map(value => trans.__('%1 h', formatNumber(value / 3600)));
  }
  return most >= 180
    ? splits.map(value => trans.__('%1 min', formatNumber(value / 60)))
    : splits.map(value => trans.__('%1 s', formatNumber(value)));
}

/** Give a chart new points; what was zoomed into stays in sight. */
export function feed(self: uPlot, data: Aligned, isLog: boolean): void {
  const { min, max } = self.scales.x;
  const isZoomed = shareInSight(self) < 0.999;
  const points = (isLog ? positive(data) : data) as uPlot.AlignedData;
  self.batch(() => {
    self.setData(points, !isZoomed);
    if (isZoomed && min !== undefined && max !== undefined) {
      self.setScale('x', { min, max });
    }
  });
}

/**
 * What a key does to a chart: the arrows move the cursor by a point, plus and minus zoom, 0 shows all again. False: nothing.
 */
export function move(self: uPlot, key: string): boolean {
  const xs = self.data[0];
  const { min = 0, max = 0 } = self.scales.x;
  const index = self.cursor.idx ?? self.valToIdx((min + max) / 2);
  const center = xs[index];
  const zoom = (factor: number): void => {
    const half = ((max - min) * factor) / 2;
    self.setScale('x', {
      min: Math.max(xs[0], center - half),
      max: Math.min(xs[xs.length - 1], center + half)
    });
  };
  if (xs.length < 2) {
    return false;
  }
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight': {
      const next = Math.max(0, Math.min(xs.length - 1, index + (key === 'ArrowLeft' ? -1 : 1)));
      self.setCursor({ left: self.valToPos(xs[next], 'x'), top: self.over.clientHeight / 2 });
      return true;
    }
    case '+':
    case '=':
      zoom(0.5);
      return true;
    case '-':
      zoom(2);
      return true;
    case '0':
      self.setScale('x', { min: xs[0], max: xs[xs.length - 1] });
      return true;
    default:
      return false;
  }
}
