/**
 * What is said of an entry: the line it is known by, what screen readers read.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatAgo, formatNumber, formatSpan } from '../../format';
import { firstLine, type IEntry, type IMove } from '../../model/entries';

/** How an entry stands out; in words, for nothing may be told by colour or shape alone. */
export interface IMarks {
  isCurrent: boolean;
  isReference: boolean;
  /** Its notebook, where that is another than the one in front. */
  elsewhere: string | null;
}

/** The line an entry is known by. */
export function titleOf(entry: IEntry, trans: TranslationBundle): string {
  if (entry.kind === 'save') {
    return trans.__('Saved before a restore');
  }
  const line = firstLine(entry.source ?? '');
  if (line !== '') {
    return line;
  }
  return entry.kind === 'baseline' ? trans.__('Tracking started') : trans.__('Checkpoint by hand');
}

/** How the cell ended, in a word. */
export function statusOf(entry: IEntry, trans: TranslationBundle): string {
  if (entry.is_saving) {
    return trans.__('saving');
  }
  switch (entry.status) {
    case 'error':
      return trans.__('failed');
    case 'interrupted':
      return trans.__('interrupted');
    case 'ok':
      return trans.__('succeeded');
    default:
      return '';
  }
}

/** A metric's change: an arrow and by how much; empty where there is nothing to compare with. */
export function changeOf(move: IMove): string {
  const { value, before } = move;
  if (before === undefined) {
    return '';
  }
  if (value === null || before === null || value === before) {
    return value === before ? '=' : '';
  }
  return `${value > before ? '▲' : '▼'}${formatDigits(Math.abs(value - before), 3)}`;
}

/** All of an entry in one sentence, in the order in which it is looked for. */
export function describeEntry(
  entry: IEntry,
  moves: readonly IMove[],
  marks: IMarks,
  now: number,
  trans: TranslationBundle
): string {
  const { added, changed, removed } = entry.changes;
  return [
    entry.ordinal > 0 ? `${entry.ordinal}: ${titleOf(entry, trans)}` : titleOf(entry, trans),
    entry.name ? trans.__('named %1', entry.name) : '',
    marks.elsewhere === null ? '' : trans.__('in %1', marks.elsewhere),
    statusOf(entry, trans),
    marks.isCurrent ? trans.__('the kernel is here') : '',
    marks.isReference ? trans.__('selected for compare') : '',
    entry.duration_ms === null ? '' : trans.__('took %1', formatSpan(entry.duration_ms, trans)),
    formatAgo(entry.created_at, now, trans),
    added.length > 0 ? trans.__('added %1', added.join(', ')) : '',
    changed.length > 0 ? trans.__('changed %1', changed.join(', ')) : '',
    removed.length > 0 ? trans.__('removed %1', removed.join(', ')) : '',
    ...moves.map(move => describeMove(move, trans)),
    entry.note ?? ''
  ]
    .filter(part => part !== '')
    .join(', ');
}

function describeMove(move: IMove, trans: TranslationBundle): string {
  const { key, value, before } = move;
  if (before === undefined || before === null || value === null) {
    return `${key} ${formatNumber(value)}`;
  }
  return trans.__('%1 %2, before %3', key, formatNumber(value), formatNumber(before));
}

/** A number in so many digits as tell its size where there is little room. */
export function formatDigits(value: number | null, digits: number): string {
  return formatNumber(value === null ? null : Number(value.toPrecision(digits)));
}
