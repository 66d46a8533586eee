/**
 * How times, durations, sizes, numbers and checkpoints are written, as on the command line (`commands/text.py`).
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Checkpoint } from './schema';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** An older moment is a date. */
const OLD = 30 * DAY;

/** How long ago a moment was: `now`, `5 s`, `3 min`, `2 h`, `9 d`; the date after a month. */
export function formatAge(at: number, now: number, trans: TranslationBundle): string {
  const passed = now - at;
  if (passed < SECOND) {
    return trans.__('now');
  }
  if (passed < MINUTE) {
    return trans.__('%1 s', Math.floor(passed / SECOND));
  }
  if (passed < HOUR) {
    return trans.__('%1 min', Math.floor(passed / MINUTE));
  }
  if (passed < DAY) {
    return trans.__('%1 h', Math.floor(passed / HOUR));
  }
  return passed < OLD ? trans.__('%1 d', Math.floor(passed / DAY)) : formatDate(at);
}

/** The same of a moment in a sentence: `now`, `5 s ago`; the date after a month, which is not so long "ago". */
export function formatAgo(at: number, now: number, trans: TranslationBundle): string {
  const passed = now - at;
  const age = formatAge(at, now, trans);
  return passed >= SECOND && passed < OLD ? trans.__('%1 ago', age) : age;
}

/** A duration with the digits that matter: `4 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSpan(ms: number, trans: TranslationBundle): string {
  if (ms < 999.5) {
    return trans.__('%1 ms', Math.max(0, Math.round(ms)));
  }
  if (ms < 59_950) {
    return trans.__('%1 s', (ms / SECOND).toFixed(ms < 9_950 ? 1 : 0));
  }
  const seconds = Math.round(ms / SECOND);
  if (seconds < 3600) {
    return trans.__('%1 min %2 s', Math.floor(seconds / 60), seconds % 60);
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) {
    return trans.__('%1 h %2 min', Math.floor(minutes / 60), minutes % 60);
  }
  const hours = Math.floor(minutes / 60);
  return trans.__('%1 d %2 h', Math.floor(hours / 24), hours % 24);
}

/** A number of bytes in decimal units: `512 B`, `1.2 MB`. */
export function formatSize(bytes: number): string {
  let amount = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (amount < 999.5) {
      return `${amount.toFixed(unit === 'B' || amount >= 99.95 ? 0 : 1)} ${unit}`;
    }
    amount /= 1000;
  }
  return `${amount.toFixed(1)} TB`;
}

/** A number in at most six significant digits; what JSON could not bring (null) was not finite. */
export function formatNumber(value: number | null): string {
  if (value === null || Number.isNaN(value)) {
    return 'nan';
  }
  const rounded = Number(value.toPrecision(6));
  const size = Math.abs(rounded);
  return size >= 1e6 || (size < 1e-4 && size > 0) ? rounded.toExponential() : String(rounded);
}

/** A time of this place, to the second: what stands in `title` wherever an age is shown. */
export function formatMoment(at: number): string {
  const time = new Date(at);
  return `${formatDate(at)} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':')}`;
}

/** A checkpoint as people call it: its name, or its number among those of its notebook. */
export function formatCheckpoint({ name, ordinal }: Pick<Checkpoint, 'name' | 'ordinal'>): string {
  return name ?? `#${ordinal}`;
}

function formatDate(at: number): string {
  const time = new Date(at);
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(pad).join('-');
}

function pad(part: number): string {
  return String(part).padStart(2, '0');
}
