/**
 * What differs, in words: of a value in one line, of everything in counts. The same words as on the command line.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatCheckpoint, formatNumber } from '../../format';
import type {
  ArrayDiff,
  Change,
  CheckpointDiff,
  TableDiff,
  ValueDiff,
  Variable
} from '../../schema';
import type { IPair } from './pair';
import type { ISide } from './sides';

/** What a side is called: a run by its name, a checkpoint by its own or its number. */
export function sideName(
  { checkpoint, detail }: ISide,
  { are_runs }: IPair,
  trans: TranslationBundle
): string {
  const run = are_runs && detail?.run;
  return run ? run.name : checkpoint ? formatCheckpoint(checkpoint) : trans.__('now');
}

/** The parts of a comparison, in the order they are shown. */
export type PartName = 'notebook' | 'variables' | 'metrics' | 'params' | 'environment' | 'modules';

interface ICount {
  part: PartName;
  count: number;
  text: string;
}

/** How many of each differ; parts in which nothing does are left out. */
export function countsOf(diff: CheckpointDiff, trans: TranslationBundle): ICount[] {
  const { cells, variables, metrics, params, modules } = diff;
  const facts = diff.environment?.facts?.length ?? 0;
  const packages = diff.environment?.packages?.length ?? 0;
  const counts: ICount[] = [
    count('notebook', cells, n => trans._n('%1 cell', '%1 cells', n)),
    count('variables', variables, n => trans._n('%1 variable', '%1 variables', n)),
    count('metrics', metrics, n => trans._n('%1 metric', '%1 metrics', n)),
    count('params', params, n => trans._n('%1 param', '%1 params', n)),
    {
      part: 'environment',
      count: facts + packages,
      text: [
        ...(facts
          ? [trans._n('%1 fact of the environment', '%1 facts of the environment', facts)]
          : []),
        ...(packages ? [trans._n('%1 package', '%1 packages', packages)] : [])
      ].join(' · ')
    },
    count('modules', modules, n => trans._n('%1 module', '%1 modules', n))
  ];
  return counts.filter(one => one.count > 0);
}

function count(
  part: PartName,
  changes: readonly unknown[] | undefined,
  text: (n: number) => string
): ICount {
  const n = changes?.length ?? 0;
  return { part, count: n, text: text(n) };
}

/** What became of a name. */
export function changeWord(change: Change<unknown>['change'], trans: TranslationBundle): string {
  switch (change) {
    case 'added':
      return trans.__('added');
    case 'removed':
      return trans.__('removed');
    case 'changed':
      return trans.__('changed');
  }
}

/** How a value changed, in one line. */
export function headline(diff: ValueDiff, trans: TranslationBundle): string {
  switch (diff.kind) {
    case 'unchanged':
      return trans.__('the same value, stored anew');
    case 'replaced': {
      const kinds =
        diff.before_type === diff.after_type ? '' : ` (${diff.before_type} → ${diff.after_type})`;
      const texts = fromTo(oneLine(diff.before.text), oneLine(diff.after.text), trans);
      return `${texts}${kinds}`;
    }
    case 'items':
      return trans._n('%1 place differs', '%1 places differ', diff.count);
    case 'text':
      return diff.what === 'source'
        ? trans.__('another source')
        : trans.__('text of %1 → %2 characters', diff.before_length, diff.after_length);
    case 'array':
      return arrayHeadline(diff, trans);
    case 'table':
      return tableHeadline(diff, trans);
  }
}

function arrayHeadline(diff: ArrayDiff, trans: TranslationBundle): string {
  const shapes = [diff.before_shape, diff.after_shape].map(shape => `(${shape.join(', ')})`);
  const parts = shapes[0] === shapes[1] ? [] : [trans.__('shape %1 → %2', shapes[0], shapes[1])];
  if (diff.before_dtype !== diff.after_dtype) {
    parts.push(`${diff.before_dtype} → ${diff.after_dtype}`);
  }
  parts.push(
    diff.compared === null || diff.compared === undefined
      ? trans.__('elements not comparable')
      : trans.__('%1 of %2 elements differ', amount(diff.differing ?? 0), amount(diff.compared))
  );
  if (diff.max_abs_difference !== null && diff.max_abs_difference !== undefined) {
    parts.push(trans.__('by at most %1', formatNumber(diff.max_abs_difference)));
  }
  return parts.join(', ');
}

function tableHeadline(diff: TableDiff, trans: TranslationBundle): string {
  const sizes = [diff.before_shape, diff.after_shape].map(shape => shape.map(amount).join(' × '));
  const counted: [number | undefined, (n: number) => string][] = [
    [diff.columns_added?.length, n => trans._n('%1 column added', '%1 columns added', n)],
    [diff.columns_removed?.length, n => trans._n('%1 column removed', '%1 columns removed', n)],
    [
      diff.columns_retyped?.length,
      n => trans._n('%1 column of another type', '%1 columns of another type', n)
    ],
    [diff.rows_added, n => trans._n('%1 row added', '%1 rows added', n)],
    [diff.rows_removed, n => trans._n('%1 row removed', '%1 rows removed', n)],
    [diff.cells_changed, n => trans._n('%1 cell changed', '%1 cells changed', n)]
  ];
  const flags: [boolean, string][] = [
    [!!diff.are_columns_reordered, trans.__('columns in another order')],
    [!!diff.are_rows_reordered, trans.__('rows in another order')],
    [!!diff.index_retyped, trans.__('another index')],
    [diff.rows_matched_by === 'position', trans.__('rows matched by position')]
  ];
  return [
    sizes[0] === sizes[1] ? sizes[0] : sizes.join(' → '),
    ...counted.flatMap(([n, text]) => (n ? [text(n)] : [])),
    ...flags.flatMap(([flag, text]) => (flag ? [text] : []))
  ].join(', ');
}

/** The type of a variable, or both. */
export function typeText(change: Change<Variable>): string {
  if (change.change === 'changed') {
    const { before, after } = change;
    return before.type === after.type ? after.type : `${before.type} → ${after.type}`;
  }
  return change.change === 'added' ? change.after.type : change.before.type;
}

/** What became of a variable, in one line: by value where that is known, else by preview. */
export function headlineOf(
  change: Change<Variable>,
  value: ValueDiff | undefined,
  trans: TranslationBundle
): string {
  if (value) {
    return headline(value, trans);
  }
  switch (change.change) {
    case 'added':
      return oneLine(change.after.preview.text);
    case 'removed':
      return oneLine(change.before.preview.text);
    case 'changed': {
      const previews = [change.before.preview, change.after.preview];
      if (previews[0].source !== previews[1].source) {
        return trans.__('another source');
      }
      const [before, after] = previews.map(({ text }) => oneLine(text, 60));
      return fromTo(before, after, trans);
    }
  }
}

/** Two short texts of values that differ, though the texts may not. */
function fromTo(before: string, after: string, trans: TranslationBundle): string {
  return before === after
    ? trans.__('looks the same, and is another value')
    : `${before} → ${after}`;
}

/** A text on one line, at most a hundred characters of it. */
export function oneLine(text: string, most = 100): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

/** A count with its thousands apart. */
export function amount(n: number): string {
  return n.toLocaleString('en-US');
}

/** How a metric moved; null where it cannot be said of what is not a finite number. */
export interface IMove {
  arrow: '↑' | '↓';
  absolute: string;
  relative: string | null;
}

export function moveOf(before: unknown, after: unknown): IMove | null {
  if (!isFinite(before) || !isFinite(after) || before === after) {
    return null;
  }
  const difference = after - before;
  const sign = difference > 0 ? '+' : '−';
  const share = (100 * Math.abs(difference)) / Math.abs(before);
  return {
    arrow: difference > 0 ? '↑' : '↓',
    absolute: `${sign}${formatNumber(Math.abs(difference))}`,
    relative: before === 0 ? null : `${sign}${Number(share.toPrecision(3))} %`
  };
}

/** A metric's value: a number, or the word (or nothing) that JSON has where it is not finite. */
export function metricText(value: unknown): string {
  return typeof value === 'string' ? value : formatNumber(typeof value === 'number' ? value : null);
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** What changed first: it is what a comparison is opened for; names that came (imports, often) and went after it. */
export function inOrder<T>(changes: readonly Change<T>[]): Change<T>[] {
  const kinds: readonly Change<T>['change'][] = ['changed', 'added', 'removed'];
  return kinds.flatMap(kind => changes.filter(({ change }) => change === kind));
}
