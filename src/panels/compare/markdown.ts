/**
 * A comparison as Markdown: short enough for a review or a message, with everything that differs by name.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatCheckpoint, formatMoment } from '../../format';
import type { CellChange, Change, CheckpointDiff, MetricValue } from '../../schema';
import { factName, factText } from './facts';
import { diffLines, textOf } from './lines';
import type { CompareModel } from './model';
import type { ISide } from './sides';
import {
  changeWord,
  countsOf,
  headlineOf,
  inOrder,
  metricText,
  moveOf,
  sideName,
  typeText
} from './words';

/** Lines of one cell or module that are copied. */
const MOST_LINES = 60;

type Compared = Pick<CompareModel, 'base' | 'other' | 'diff' | 'pair' | 'values'>;

export function report(model: Compared, trans: TranslationBundle): string {
  const { base, other, diff, pair } = model;
  if (!diff) {
    return '';
  }
  const counts = countsOf(diff, trans).map(one => one.text);
  const parts = [
    `## ${[base, other].map(side => inline(sideName(side, pair, trans))).join(' → ')}`,
    [base, other].map(side => `- ${sideLine(side, trans)}`).join('\n'),
    counts.length ? counts.join(' · ') : trans.__('Nothing differs.'),
    ...cells(diff, trans),
    ...variables(model, diff, trans),
    ...table(trans.__('Metrics'), diff.metrics, metricText, trans, metricMove),
    ...table(trans.__('Params'), diff.params, value => value, trans),
    ...table(
      trans.__('Environment'),
      diff.environment?.facts?.map(change => ({ ...change, title: factName(change.name, trans) })),
      (value, name) => factText(value, name, trans),
      trans
    ),
    ...table(trans.__('Packages'), diff.environment?.packages, value => value, trans),
    ...modules(diff, trans)
  ];
  return `${parts.join('\n\n')}\n`;
}

function sideLine(side: ISide, trans: TranslationBundle): string {
  const { checkpoint, detail } = side;
  if (!checkpoint) {
    return trans.__('now');
  }
  return [
    `${inline(formatCheckpoint(checkpoint))} (${checkpoint.id})`,
    formatMoment(checkpoint.created_at),
    ...(checkpoint.notebook ? [inline(checkpoint.notebook)] : []),
    ...(detail?.run ? [trans.__('run %1', inline(detail.run.name))] : []),
    ...(detail ? [inline(detail.author)] : [])
  ].join(', ');
}

function cells(diff: CheckpointDiff, trans: TranslationBundle): string[] {
  const changes = diff.cells ?? [];
  return changes.length
    ? [`### ${trans.__('Cells')}`, ...changes.map(one => cell(one, trans))]
    : [];
}

function cell(change: CellChange, trans: TranslationBundle): string {
  const before = change.change === 'added' ? '' : change.before.source;
  const after = change.change === 'removed' ? '' : change.after.source;
  const title = trans.__('Cell %1, %2', change.position + 1, changeWord(change.change, trans));
  if (before === after) {
    return trans.__('%1: only what it shows differs.', title);
  }
  return `${title}:\n\n${diffBlock(before, after)}`;
}

function variables(model: Compared, diff: CheckpointDiff, trans: TranslationBundle): string[] {
  const changes = inOrder(diff.variables ?? []);
  const lines = changes.map(change => {
    const text = headlineOf(change, model.values[change.name], trans);
    const type = inline(typeText(change));
    return `- ${code(change.name)} (${type}) ${changeWord(change.change, trans)}: ${inline(text)}`;
  });
  return lines.length ? [`### ${trans.__('Variables')}`, lines.join('\n')] : [];
}

function modules(diff: CheckpointDiff, trans: TranslationBundle): string[] {
  const changes = diff.modules ?? [];
  const blocks = changes.map(change => {
    const before = 'before' in change ? change.before : '';
    const after = 'after' in change ? change.after : '';
    return `${code(change.name)} ${changeWord(change.change, trans)}:\n\n${diffBlock(before, after)}`;
  });
  return blocks.length ? [`### ${trans.__('Modules of the project')}`, ...blocks] : [];
}

function metricMove(change: Change<MetricValue>): string {
  const move = change.change === 'changed' ? moveOf(change.before, change.after) : null;
  return move ? `${move.arrow} ${move.absolute}${move.relative ? ` (${move.relative})` : ''}` : '';
}

function table<T>(
  heading: string,
  changes: readonly (Change<T> & { title?: string })[] | undefined,
  text: (value: T, name: string) => string,
  trans: TranslationBundle,
  more?: (change: Change<T>) => string
): string[] {
  if (!changes?.length) {
    return [];
  }
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const headings = [
    trans.__('Name'),
    trans.__('Base'),
    trans.__('Other'),
    ...(more ? [trans.__('Change')] : [])
  ];
  const rows = changes.map(change =>
    row([
      inline(change.title ?? change.name),
      'before' in change ? inline(text(change.before, change.name)) : '—',
      'after' in change ? inline(text(change.after, change.name)) : '—',
      ...(more ? [more(change)] : [])
    ])
  );
  const rule = row(headings.map(() => '---'));
  return [`### ${heading}`, [row(headings), rule, ...rows].join('\n')];
}

function diffBlock(before: string, after: string): string {
  const lines = diffLines(before, after, 2).map(textOf);
  const kept = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), '…'] : lines;
  const text = kept.join('\n');
  const ticks = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)) + 1;
  const fence = '`'.repeat(ticks);
  return `${fence}diff\n${text}\n${fence}`;
}

/** A text on one line that Markdown, and a table of it, leave as it is. */
function inline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>|#~&]/g, '\\$&');
}

function code(name: string): string {
  return `\`${name}\``;
}
