/**
 * Pictures of several runs as Vega-Lite specifications: metrics and params against each other.
 */
import { formatNumber } from '../../format';
import type { Run } from '../../schema';
import { toNumber } from './series';
import { DASHES, type IChartTheme } from './theme';

/** A picture of runs: each against two fields, one field as bars, or all fields side by side. */
export type PictureKind = 'scatter' | 'bar' | 'parallel';

export type Spec = { [key: string]: unknown };

/** A metric or param of runs that can be drawn. */
export interface IField {
  /** Unique among the fields: `metrics.acc`. */
  name: string;
  kind: 'metrics' | 'params';
  key: string;
  /** Whether all values that are there are numbers. */
  isNumber: boolean;
}

/** The metrics, then the params, that at least one run has. */
export function fieldsOf(runs: readonly Run[]): IField[] {
  return (['metrics', 'params'] as const).flatMap(kind => {
    const keys = [...new Set(runs.flatMap(run => Object.keys(run[kind])))].sort();
    return keys.map(key => {
      const texts = runs.filter(run => key in run[kind]).map(run => run[kind][key]);
      const isNumber =
        kind === 'metrics' || texts.every(text => text !== null && text !== '' && isFinite(+text));
      return { name: `${kind}.${key}`, kind, key, isNumber };
    });
  });
}

/** What a run has in a field: a number where the field is of numbers; null where it has none, or none that is finite. */
export function valueOf(run: Run, { kind, key, isNumber }: IField): string | number | null {
  const value: unknown = run[kind][key];
  if (value === undefined || value === null) {
    return null;
  }
  if (!isNumber) {
    return String(value);
  }
  const number = toNumber(Number(value));
  return Number.isNaN(number) ? null : number;
}

/** Runs by two fields. */
export function scatter(
  runs: readonly Run[],
  labels: readonly string[],
  x: IField,
  y: IField
): Spec {
  const values = runs.map((run, index) => ({
    run: labels[index],
    x: valueOf(run, x),
    y: valueOf(run, y)
  }));
  return {
    data: { values: values.filter(row => row.x !== null && row.y !== null) },
    width: 'container',
    height: 260,
    mark: { type: 'point', filled: true, size: 90, opacity: 1 },
    encoding: {
      x: axis('x', x),
      y: axis('y', y),
      color: byRun(labels),
      shape: { field: 'run', type: 'nominal', scale: { domain: labels }, legend: { title: null } },
      tooltip: tips([x, y], ['x', 'y'])
    }
  };
}

/** One field as a bar for each run. */
export function bar(runs: readonly Run[], labels: readonly string[], y: IField): Spec {
  const values = runs.map((run, index) => ({ run: labels[index], y: valueOf(run, y) }));
  return {
    data: { values: values.filter(row => row.y !== null) },
    width: 'container',
    height: { step: 24 },
    mark: { type: 'bar' },
    encoding: {
      y: { field: 'run', type: 'nominal', sort: labels, title: null },
      x: { field: 'y', type: 'quantitative', title: y.key },
      color: { ...byRun(labels), legend: null },
      tooltip: tips([y], ['y'])
    }
  };
}

/**
 * Parallel coordinates: a line for each run over all fields, each between its own least and greatest value; a field of texts
 * has them in order. A run that lacks a field has a gap there.
 */
export function parallel(
  runs: readonly Run[],
  labels: readonly string[],
  fields: readonly IField[],
  words: { least: string; most: string }
): Spec {
  const axes = fields.map(field => axisOf(runs, labels, field));
  const values = axes.flatMap(({ rows }) => rows);
  return {
    data: { values },
    width: 'container',
    height: 260,
    mark: {
      type: 'line',
      point: { size: 50 },
      strokeWidth: 2,
      invalid: 'break-paths-show-domains'
    },
    encoding: {
      x: {
        field: 'field',
        type: 'nominal',
        sort: axes.map(({ title }) => title),
        scale: { type: 'point' },
        title: null,
        axis: { labelAngle: 0, labelExpr: "split(datum.label, '\\n')", labelLimit: 110, grid: true }
      },
      y: {
        field: 'place',
        type: 'quantitative',
        scale: { domain: [0, 1] },
        title: null,
        axis: { values: [0, 1], labelExpr: endsOf(words) }
      },
      color: byRun(labels),
      strokeDash: {
        field: 'run',
        type: 'nominal',
        scale: { domain: labels, range: labels.map((_, look) => dash(look)) },
        legend: { title: null }
      },
      tooltip: [
        { field: 'run', type: 'nominal' },
        { field: 'field', type: 'nominal' },
        { field: 'value', type: 'nominal' }
      ]
    }
  };
}

/** The theme, as Vega knows it. */
export function configOf(theme: IChartTheme): Spec {
  const text = { labelColor: theme.faint, titleColor: theme.text };
  const axes = { ...text, gridColor: theme.grid, domainColor: theme.grid, tickColor: theme.grid };
  return {
    background: 'transparent',
    font: theme.font,
    view: { stroke: theme.grid },
    axis: { ...axes, titleFontWeight: 'normal' },
    legend: text,
    range: { category: [...theme.curves] }
  };
}

/** A Vega expression of our own words: JSON's strings are its strings. */
function endsOf({ least, most }: { least: string; most: string }): string {
  return `datum.value === 0 ? ${JSON.stringify(least)} : ${JSON.stringify(most)}`;
}

/** One axis of parallel coordinates: where each run is on it, from 0 to 1, under a title that says what the ends are. */
function axisOf(
  runs: readonly Run[],
  labels: readonly string[],
  field: IField
): { title: string; rows: Spec[] } {
  const own = runs.map(run => valueOf(run, field));
  const texts = [...new Set(own.filter(value => typeof value === 'string'))].sort();
  const places = own.map(value => (typeof value === 'string' ? texts.indexOf(value) : value));
  const numbers = places.filter((place): place is number => place !== null);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const ends = texts.length ? [texts[0], texts[texts.length - 1]] : [least, most].map(formatNumber);
  const title = numbers.length ? `${field.name}\n${ends.join(' … ')}` : field.name;
  const rows = runs.map((_, index) => {
    const at = places[index];
    const place = at === null ? null : most > least ? (at - least) / (most - least) : 0.5;
    return { run: labels[index], field: title, value: own[index], place };
  });
  return { title, rows };
}

function axis(name: string, field: IField): Spec {
  return {
    field: name,
    type: field.isNumber ? 'quantitative' : 'nominal',
    title: field.name,
    ...(field.isNumber ? { scale: { zero: false, nice: true }, axis: { tickCount: 8 } } : {})
  };
}

function byRun(labels: readonly string[]): Spec {
  return { field: 'run', type: 'nominal', scale: { domain: labels }, legend: { title: null } };
}

function tips(fields: readonly IField[], names: readonly string[]): Spec[] {
  return [
    { field: 'run', type: 'nominal' },
    ...fields.map((field, index) => ({ field: names[index], type: 'nominal', title: field.name }))
  ];
}

function dash(look: number): readonly number[] {
  const dashes = DASHES[look % DASHES.length];
  return dashes.length ? dashes : [1, 0];
}
