/**
 * What a curve says in words and numbers: for those who do not see it, for the table in its place and for its file.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatNumber } from '../../format';
import type { ISeries } from './series';

interface ISummary {
  count: number;
  /** Points whose value is not a finite number: gaps in the curve. */
  gaps: number;
  min: number | null;
  max: number | null;
  last: number | null;
}

/** Count a series' points and find its extremes; `last` is the newest value, null where that is a gap. */
export function summarize(series: ISeries): ISummary {
  let min = Infinity;
  let max = -Infinity;
  let gaps = 0;
  for (const { value } of series.points) {
    if (Number.isFinite(value)) {
      min = Math.min(min, value);
      max = Math.max(max, value);
    } else {
      gaps++;
    }
  }
  const count = series.points.length;
  const last = count ? series.points[count - 1].value : NaN;
  return {
    count,
    gaps,
    min: min === Infinity ? null : min,
    max: max === -Infinity ? null : max,
    last: Number.isFinite(last) ? last : null
  };
}

/** One sentence for each curve of a chart. */
export function describe(
  key: string,
  series: readonly ISeries[],
  trans: TranslationBundle
): string {
  const sentences = series.map(one => {
    const { count, gaps, min, max, last } = summarize(one);
    if (min === null || max === null) {
      return trans.__('%1: no finite value.', one.label);
    }
    const said = trans._n(
      '%2: one value, %3.',
      '%2: %1 values, from %4 to %5, last %3.',
      count,
      one.label,
      last === null ? trans.__('not a number') : formatNumber(last),
      formatNumber(min),
      formatNumber(max)
    );
    return gaps ? `${said} ${trans._n('One is not a number.', '%1 are not numbers.', gaps)}` : said;
  });
  return [trans.__('Curves of %1.', key), ...sentences].join(' ');
}

/** The points of series as comma-separated values (RFC 4180), one point a line. */
export function toCsv(series: readonly ISeries[]): string {
  const lines = [['run', 'id', 'metric', 'step', 'time', 'value']];
  for (const { id, label, key, points } of series) {
    for (const { step, logged_at, value } of points) {
      const time = new Date(logged_at).toISOString();
      lines.push([label, id, key, step === null ? '' : String(step), time, String(value)]);
    }
  }
  return lines.map(line => line.map(field).join(',') + '\r\n').join('');
}

/** A name that starts like a formula is quoted with an apostrophe, so that no spreadsheet runs it. */
function field(text: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(text) && !/^-?(\d|Infinity)/.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
