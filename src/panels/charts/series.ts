/**
 * What a curve is drawn from: the points of one metric of one run, and how several are put on one axis.
 */
import type { Metric } from '../../schema';

/** One point. What is not a finite number is NaN: JSON knows no other, and a curve has a gap there. */
interface IPoint {
  step: number | null;
  logged_at: number;
  value: number;
}

/** One metric of one run (or checkpoint). Curves of the same `id` look the same in every chart. */
export interface ISeries {
  id: string;
  label: string;
  key: string;
  points: readonly IPoint[];
  /** Where relative time starts; the first point, if not given. */
  started_at?: number;
}

/** Over which axis curves are drawn: steps, the time since the start, or the time of day. */
export type Axis = 'step' | 'relative' | 'time';

/** Rows as uPlot takes them: `null` is a gap in a curve, `undefined` only the x of another curve. */
export type Aligned = [number[], ...(number | null | undefined)[][]];

/** Turn the points of a run's metrics into one series for each key, in order of key. */
export function toSeries(
  id: string,
  label: string,
  metrics: readonly Metric[],
  started_at?: number
): ISeries[] {
  const byKey = new Map<string, IPoint[]>();
  for (const { key, value, step, logged_at } of metrics) {
    const points = byKey.get(key) ?? [];
    byKey.set(key, points);
    points.push({ step, logged_at, value: toNumber(value) });
  }
  return [...byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, points]) => ({ id, label, key, points, started_at }));
}

/** A value as JSON brings it: a number, or null or a word where it is not finite. */
export function toNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : NaN;
}

/** The series in groups of the same key, in order of key: one chart each. */
export function byKey(series: readonly ISeries[]): Map<string, ISeries[]> {
  const groups = new Map<string, ISeries[]>();
  for (const one of series) {
    groups.set(one.key, [...(groups.get(one.key) ?? []), one]);
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The axis that can be drawn: steps only where every point has one, since counting thinned points would lie. */
export function possibleAxis(series: readonly ISeries[], wanted: Axis): Axis {
  const lacksStep = series.some(({ points }) => points.some(point => point.step === null));
  return wanted === 'step' && lacksStep ? 'relative' : wanted;
}

/** The x of each point of a series: a step, or seconds (uPlot's unit of time). */
export function positions(series: ISeries, axis: Axis): number[] {
  const { points } = series;
  if (axis === 'step') {
    return points.map(point => point.step ?? NaN);
  }
  const origin = axis === 'time' ? 0 : (series.started_at ?? points[0]?.logged_at ?? 0);
  return points.map(point => (point.logged_at - origin) / 1000);
}

/**
 * Put curves on one ascending x axis. Every point of every series is one value of one row; a series that has two points at
 * one x has two rows there.
 */
export function align(
  series: readonly ISeries[],
  axis: Axis,
  values: readonly (readonly number[])[] = series.map(valuesOf)
): Aligned {
  const curves = series.map((one, index) => ascending(positions(one, axis), values[index]));
  const heads = curves.map(() => 0);
  const xs: number[] = [];
  const columns: (number | null | undefined)[][] = curves.map(() => []);
  for (;;) {
    let x = Infinity;
    for (let index = 0; index < curves.length; index++) {
      const next = curves[index].xs[heads[index]];
      if (next < x) {
        x = next;
      }
    }
    if (x === Infinity) {
      return [xs, ...columns];
    }
    xs.push(x);
    for (let index = 0; index < curves.length; index++) {
      const curve = curves[index];
      if (curve.xs[heads[index]] === x) {
        const y = curve.ys[heads[index]++];
        columns[index].push(Number.isNaN(y) ? null : y);
      } else {
        columns[index].push(undefined);
      }
    }
  }
}

/** The values of a series, NaN where there is a gap. */
export function valuesOf(series: ISeries): number[] {
  return series.points.map(point => point.value);
}

interface ICurve {
  xs: readonly number[];
  ys: readonly number[];
}

/** A clock that was set back, or steps over time, give points out of order: sorted, in the order they came where equal. */
function ascending(xs: readonly number[], ys: readonly number[]): ICurve {
  if (xs.every((x, index) => index === 0 || xs[index - 1] <= x)) {
    return { xs, ys };
  }
  const order = xs.map((_, index) => index).sort((a, b) => xs[a] - xs[b] || a - b);
  return { xs: order.map(index => xs[index]), ys: order.map(index => ys[index]) };
}
