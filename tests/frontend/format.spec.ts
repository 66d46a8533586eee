/**
 * Times, durations, sizes and numbers say what they are to the digits that are shown, and never jump where the unit changes.
 */
import { nullTranslator } from '@jupyterlab/translation';

import {
  formatAge,
  formatAgo,
  formatMoment,
  formatNumber,
  formatSize,
  formatSpan
} from '../../src/format';
import { generator } from './runs.data';

const trans = nullTranslator.load('mlm_jupyter');
const UNITS: { [unit: string]: number } = { ms: 1, s: 1e3, min: 6e4, h: 36e5, d: 864e5 };
const SIZES: { [unit: string]: number } = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** What a text like `3 min 20 s` says, in the smallest unit. */
function read(text: string, units: { [unit: string]: number }): number {
  const parts = [...text.matchAll(/([\d.]+) ([A-Za-z]+)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit], 0);
}

test('a duration and a size are read back as what they were, to three digits or one part of the smaller unit', () => {
  const random = generator(3);
  for (let round = 0; round < 2000; round++) {
    const value = 10 ** (random() * 9);
    const tolerance = value < 59_950 ? Math.max(value * 0.05, 0.5) : value * 0.05;
    expect(Math.abs(read(formatSpan(value, trans), UNITS) - value)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(read(formatSize(value), SIZES) - value)).toBeLessThanOrEqual(
      Math.max(value * 0.05, 0.5)
    );
  }
});

test('a longer time never reads as a shorter one', () => {
  const random = generator(4);
  for (let round = 0; round < 2000; round++) {
    const short = 10 ** (random() * 9);
    const long = short * (1 + random());
    expect(read(formatSpan(long, trans), UNITS)).toBeGreaterThanOrEqual(
      read(formatSpan(short, trans), UNITS)
    );
  }
});

test.each([
  [-500, 'now'],
  [999, 'now'],
  [5_000, '5 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_600_000, '1 h'],
  [29 * 86_400_000, '29 d']
])('what happened %d ms ago is %j old', (passed, age) => {
  expect(formatAge(1_800_000_000_000 - passed, 1_800_000_000_000, trans)).toBe(age);
});

test.each([
  [999, 'now'],
  [5_000, '5 s ago'],
  [29 * 86_400_000, '29 d ago'],
  [30 * 86_400_000, /^2026-..-..$/]
])('in a sentence, what happened %d ms ago was %s', (passed, said) => {
  const now = new Date(2026, 5, 1).getTime();
  expect(formatAgo(now - passed, now, trans)).toEqual(
    typeof said === 'string' ? said : expect.stringMatching(said)
  );
});

test('what is older than a month has a date, and every moment its second', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5).getTime();
  expect(formatAge(at, at + 40 * 86_400_000, trans)).toBe('2026-01-02');
  expect(formatMoment(at)).toBe('2026-01-02 03:04:05');
});

test('numbers have six digits at most; what is not finite in the store is nan', () => {
  expect([0.1 + 0.2, 1 / 3, 1e21, -0.012345678, 42].map(formatNumber)).toEqual([
    '0.3',
    '0.333333',
    '1e+21',
    '-0.0123457',
    '42'
  ]);
  expect(formatNumber(null)).toBe('nan');
});
