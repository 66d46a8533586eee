/**
 * Several runs beside each other: the rows of the table, which of them differ, which value is the best.
 */
import type { Run } from '../../schema';

export type RowKind = 'param' | 'metric' | 'tag';

/** One key, and what each run has for it; null where a run has none. */
export interface IComparedRow {
  kind: RowKind;
  key: string;
  values: readonly (string | number | null)[];
  isDifferent: boolean;
}

/** Every key of every run, by name within its kind. */
export function compareRuns(runs: readonly Run[]): IComparedRow[] {
  return [
    ...rowsOf(
      'param',
      runs.map(run => run.params)
    ),
    ...rowsOf(
      'metric',
      runs.map(run => run.metrics)
    ),
    ...rowsOf(
      'tag',
      runs.map(run => run.tags)
    )
  ];
}

function rowsOf(
  kind: RowKind,
  records: readonly { [key: string]: string | number | null }[]
): IComparedRow[] {
  const keys = [...new Set(records.flatMap(record => Object.keys(record)))].sort();
  return keys.map(key => {
    const values = records.map(record =>
      // What is not finite comes as null: it is a value all the same.
      Object.hasOwn(record, key) ? (record[key] ?? NaN) : null
    );
    return { kind, key, values, isDifferent: values.some(value => !Object.is(value, values[0])) };
  });
}

/** A whole word that says: the less of it, the better. */
const LESS_IS_BETTER =
  /(^|[^a-z])(loss|losses|error|errors|err|mse|rmse|mae|mape|rmsle|msle|wer|cer|eer|fid|perplexity|ppl|nll|logloss|deviance|brier|ece|hinge|regret|latency|time|duration|seconds|ms|bytes|kb|mb|gb|size|memory|cost|distance|divergence|kl|fpr|fnr|hamming|aic|bic)([^a-z]|$)/;

/** A guess by the metric's name whether less of it is better; who compares can turn it. */
export function isLessBetter(key: string): boolean {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return LESS_IS_BETTER.test(words);
}

/** The places of the best of values; none where they are all the same, or fewer than two are numbers. */
export function bestOf(values: readonly (string | number | null)[], isLess: boolean): number[] {
  const numbers = values.filter(
    (value): value is number => typeof value === 'number' && Number.isFinite(value)
  );
  const best = isLess ? Math.min(...numbers) : Math.max(...numbers);
  if (numbers.length < 2 || numbers.every(value => value === best)) {
    return [];
  }
  return values.flatMap((value, index) => (value === best ? [index] : []));
}

/** The last value each param was given, with those it had before, in order of time. */
export function histories(
  params: readonly { key: string; value: string; logged_at: number }[]
): Map<string, { value: string; logged_at: number }[]> {
  const found = new Map<string, { value: string; logged_at: number }[]>();
  for (const { key, value, logged_at } of params) {
    found.set(key, [...(found.get(key) ?? []), { value, logged_at }]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
