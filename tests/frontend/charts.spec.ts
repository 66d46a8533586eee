/**
 * A curve shows every point that was logged, and nothing else; what it says in words and files is what it shows.
 */
import { nullTranslator } from '@jupyterlab/translation';

import {
  align,
  type Axis,
  byKey,
  type ISeries,
  positions,
  possibleAxis,
  toSeries,
  valuesOf
} from '../../src/panels/charts/series';
import { spans } from '../../src/panels/charts/plot';
import { smooth } from '../../src/panels/charts/smoothing';
import {
  bar,
  fieldsOf,
  type IField,
  parallel,
  scatter,
  valueOf
} from '../../src/panels/charts/specs';
import { describe as say, summarize, toCsv } from '../../src/panels/charts/summary';
import { DASHES, ON_DARK, ON_LIGHT } from '../../src/panels/charts/theme';
import { aRun, generator } from './runs.data';

const trans = nullTranslator.load('mlm_jupyter');

/** A series of random points: some gaps, some steps twice, a clock that may go back. */
function someSeries(random: () => number, id: string): ISeries {
  const points = Array.from({ length: Math.floor(random() * 30) }, () => ({
    step: Math.floor(random() * 20),
    logged_at: 1000 + Math.floor(random() * 5000),
    value: random() < 0.2 ? NaN : random()
  })).sort((a, b) => a.step - b.step);
  return { id, label: id, key: 'loss', points };
}

test('aligned, each curve has exactly its own points, at its own places, along one ascending axis', () => {
  const random = generator(7);
  for (let round = 0; round < 200; round++) {
    const series = ['a', 'b', 'c'].slice(0, 1 + (round % 3)).map(id => someSeries(random, id));
    for (const axis of ['step', 'relative', 'time'] as Axis[]) {
      const [xs, ...columns] = align(series, axis);
      expect(xs).toEqual([...xs].sort((a, b) => a - b));
      series.forEach((one, index) => {
        const shown = columns[index].flatMap((y, row) => (y === undefined ? [] : [[xs[row], y]]));
        const values = valuesOf(one);
        const logged = positions(one, axis)
          .map((x, at) => ({ x, at }))
          .sort((a, b) => a.x - b.x || a.at - b.at)
          .map(({ x, at }) => [x, Number.isNaN(values[at]) ? null : values[at]]);
        expect(shown).toEqual(logged);
      });
      expect(xs.every((_, row) => columns.some(column => column[row] !== undefined))).toBe(true);
    }
  }
});

test('points come by key, a value that is not finite as a gap, whichever way JSON brings it', () => {
  const point = { step: 0, logged_at: 1, checkpoint_id: null };
  const series = toSeries('id', 'run', [
    { ...point, key: 'b', value: 1 },
    { ...point, key: 'a', value: null },
    { ...point, key: 'b', value: 2, step: 1 },
    { ...point, key: 'a', value: 'inf' as unknown as number }
  ]);
  expect(series.map(one => [one.key, valuesOf(one)])).toEqual([
    ['a', [NaN, NaN]],
    ['b', [1, 2]]
  ]);
  expect([...byKey(series).keys()]).toEqual(['a', 'b']);
});

test('steps are an axis only where every point has one', () => {
  const one: ISeries = {
    id: 'a',
    label: 'a',
    key: 'k',
    points: [{ step: 3, logged_at: 0, value: 1 }]
  };
  const other = { ...one, points: [{ step: null, logged_at: 0, value: 1 }] };
  expect(possibleAxis([one], 'step')).toBe('step');
  expect(possibleAxis([one, other], 'step')).toBe('relative');
  expect(possibleAxis([one, other], 'time')).toBe('time');
});

test('time since the start is counted in seconds from the start of the run', () => {
  const points = [
    { step: 0, logged_at: 5000, value: 1 },
    { step: 1, logged_at: 7500, value: 1 }
  ];
  const one: ISeries = { id: 'a', label: 'a', key: 'k', points };
  expect(positions({ ...one, started_at: 4000 }, 'relative')).toEqual([1, 3.5]);
  expect(positions(one, 'relative')).toEqual([0, 2.5]);
  expect(positions(one, 'time')).toEqual([5, 7.5]);
});

test('an axis of time says its unit, the one of its widest value, in the language of the user', () => {
  expect(spans([0, 45, 90], trans)).toEqual(['0 s', '45 s', '90 s']);
  expect(spans([0, 150, 300], trans)).toEqual(['0 min', '2.5 min', '5 min']);
  expect(spans([-3600, 7200], trans)).toEqual(['-1 h', '2 h']);
  const other = { __: (text: string, value: string) => `<${text.replace('%1', value)}>` };
  for (const splits of [[1], [600], [9000]]) {
    expect(spans(splits, other as never)).toEqual([expect.stringMatching(/^<.*>$/)]);
  }
});

describe('smoothing', () => {
  const random = generator(11);
  const values = Array.from({ length: 50 }, () => random());

  test('is the weighted mean of all values so far, the weights falling by the factor', () => {
    for (const weight of [0.1, 0.6, 0.99]) {
      smooth(values, weight).forEach((value, n) => {
        const weights = values.slice(0, n + 1).map((_, at) => weight ** (n - at));
        const sum = weights.reduce((total, one) => total + one, 0);
        const mean = weights.reduce((total, one, at) => total + one * values[at], 0) / sum;
        expect(value).toBeCloseTo(mean, 9);
      });
    }
  });

  test('leaves a constant alone from its first value on, and weight 0 leaves all', () => {
    smooth([3, 3, 3, 3], 0.9).forEach(value => expect(value).toBeCloseTo(3, 12));
    expect(smooth(values, 0)).toBe(values);
  });

  test('keeps what is not finite where it is, and out of the average', () => {
    const [first, gap, second] = smooth([1, NaN, 3], 0.5);
    expect(gap).toBeNaN();
    expect([first, second]).toEqual(smooth([1, 3], 0.5));
  });
});

test('a chart says its least, greatest and last value, and how many are no numbers', () => {
  const points = [2, NaN, -1, 5, 4].map((value, step) => ({ step, logged_at: 0, value }));
  const one: ISeries = { id: 'a', label: 'forest', key: 'loss', points };
  expect(summarize(one)).toEqual({ count: 5, gaps: 1, min: -1, max: 5, last: 4 });
  const text = say('loss', [one], trans);
  expect(text).toBe('Curves of loss. forest: 5 values, from -1 to 5, last 4. One is not a number.');
  expect(say('loss', [{ ...one, points: points.slice(1, 2) }], trans)).toContain('no finite value');
});

test('a file of values has every point, quotes what needs it, and holds no formula', () => {
  const points = [{ step: null, logged_at: 0, value: NaN }];
  const csv = toCsv([{ id: '1', label: '=a,"b"', key: 'x\ny', points }]);
  expect(csv).toBe(
    `run,id,metric,step,time,value\r\n"'=a,""b""",1,"x\ny",,1970-01-01T00:00:00.000Z,NaN\r\n`
  );
  const many = [-1, 2, 3].map((value, step) => ({ step, logged_at: 0, value }));
  const lines = toCsv([{ id: '1', label: 'a', key: 'k', points: many }]).split('\r\n');
  expect(lines).toHaveLength(5);
  expect(lines[1].endsWith(',-1')).toBe(true);
});

/** Relative luminance and contrast: WCAG 2.2. */
function contrast(a: string, b: string): number {
  const [light, dark] = [a, b]
    .map(color => {
      const [red, green, blue] = [1, 3, 5]
        .map(at => parseInt(color.slice(at, at + 2), 16) / 255)
        .map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

test('every colour is seen on the page of its theme, and no two curves have the same dashes', () => {
  for (const color of ON_LIGHT) {
    expect(contrast(color, '#ffffff')).toBeGreaterThanOrEqual(3);
  }
  for (const color of ON_DARK) {
    expect(contrast(color, '#212121')).toBeGreaterThanOrEqual(3);
  }
  expect(new Set([...ON_LIGHT]).size).toBe(8);
  expect(new Set(DASHES.map(dashes => dashes.join())).size).toBe(8);
});

describe('pictures of runs', () => {
  const runs = [
    aRun('a', { metrics: { acc: 0.5, loss: null }, params: { lr: '0.1', kind: 'x' } }),
    aRun('b', { metrics: { acc: 0.9, loss: 2 }, params: { lr: '1e-2', kind: 'y' } }),
    aRun('c', { metrics: {}, params: { lr: '0.3' } })
  ];
  const names = runs.map(run => run.name);
  const fields = fieldsOf(runs);
  const field = (name: string): IField => fields.find(one => one.name === name)!;

  test('params that are all numbers are drawn as numbers, others by name', () => {
    expect(fields.map(one => [one.name, one.isNumber])).toEqual([
      ['metrics.acc', true],
      ['metrics.loss', true],
      ['params.kind', false],
      ['params.lr', true]
    ]);
    expect(valueOf(runs[1], field('params.lr'))).toBe(0.01);
    expect(valueOf(runs[0], field('metrics.loss'))).toBeNull();
  });

  test('a run is drawn where it has the fields, and left out where it lacks one', () => {
    const rows = (spec: { [key: string]: unknown }): { run: string }[] =>
      (spec.data as { values: { run: string }[] }).values;
    expect(rows(scatter(runs, names, field('params.lr'), field('metrics.acc')))).toEqual([
      { run: 'a', x: 0.1, y: 0.5 },
      { run: 'b', x: 0.01, y: 0.9 }
    ]);
    expect(rows(bar(runs, names, field('metrics.loss')))).toEqual([{ run: 'b', y: 2 }]);
  });

  test('parallel axes go from the least to the most of each, with gaps', () => {
    const words = { least: 'least', most: 'most' };
    const spec = parallel(runs, names, [field('params.lr'), field('metrics.acc')], words);
    const rows = (spec.data as { values: { run: string; place: number | null; field: string }[] })
      .values;
    expect(rows.map(row => [row.run, row.field.split('\n')[0], row.place])).toEqual([
      ['a', 'params.lr', expect.closeTo(0.3103, 3)],
      ['b', 'params.lr', 0],
      ['c', 'params.lr', 1],
      ['a', 'metrics.acc', 0],
      ['b', 'metrics.acc', 1],
      ['c', 'metrics.acc', null]
    ]);
    expect(rows[0].field).toBe('params.lr\n0.01 … 0.3');
  });
});
