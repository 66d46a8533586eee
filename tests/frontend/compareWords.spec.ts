import { nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

import { report } from '../../src/panels/compare/markdown';
import { keyOf, pairOf, swapped } from '../../src/panels/compare/pair';
import { partition, slices } from '../../src/panels/compare/parts';
import { ValueView } from '../../src/panels/compare/values';
import { countsOf, headline, headlineOf, moveOf } from '../../src/panels/compare/words';
import type {
  ArrayDiff,
  Checkpoint,
  CheckpointDetail,
  CheckpointDiff,
  TableDiff,
  Variable
} from '../../src/schema';
import { NOW } from '../../src/tokens';

const trans = nullTranslator.load('mlm_jupyter');

const checkpoint: Checkpoint = {
  id: '0t2w73qkjpvkct',
  digest: 'd',
  kind: 'cell',
  created_at: 1_700_000_000_000,
  session_id: 's',
  ordinal: 12,
  parent_id: null,
  run_id: null,
  notebook: 'a.ipynb',
  name: 'good_one',
  note: null,
  cell_id: null,
  execution_count: 3,
  source: 'x = 1',
  status: 'ok',
  duration_ms: 4,
  changes: { added: [], changed: [], removed: [], between: [] },
  metrics: {},
  is_dropped: false
};

function variable(name: string, text: string): Variable {
  return { name, type: 'int', status: 'stored', preview: { text }, fingerprint: text };
}

const diff: CheckpointDiff = {
  base: 'a',
  other: 'b',
  cells: [
    {
      change: 'changed',
      position: 2,
      before_position: 1,
      before: { cell_type: 'code', source: 'x = 1\n```' },
      after: { cell_type: 'code', source: 'x = 2\n```' }
    },
    {
      change: 'changed',
      position: 3,
      before_position: 2,
      before: { cell_type: 'code', source: 'x', output: '1' },
      after: { cell_type: 'code', source: 'x', output: '2' }
    }
  ],
  variables: [
    { change: 'added', name: 'a', after: variable('a', '<b>') },
    { change: 'changed', name: 'x', before: variable('x', '1'), after: variable('x', '2') }
  ],
  metrics: [{ change: 'changed', name: 'acc|b', before: 0.8, after: 0.9 }],
  environment: { packages: [{ change: 'removed', name: 'numpy', before: '2.0' }] }
};

const pair = { project: 'p', base: 'a', other: 'b' };

describe('a pair', () => {
  it('comes from the arguments of a command, or not at all', () => {
    expect(pairOf({ ...pair })).toEqual(pair);
    expect(pairOf({ project: 'p', base: 'a' })).toBeNull();
    expect(pairOf({ ...pair, base: '' })).toBeNull();
    expect(pairOf({ ...pair, other: NOW })).toBeNull();
    const now = { ...pair, other: NOW, notebook: 'n.ipynb' };
    expect(pairOf(now)).toEqual(now);
  });

  it('is another one when swapped; now has no other way round', () => {
    const other = swapped(pair)!;
    expect(keyOf(other)).not.toBe(keyOf(pair));
    expect(swapped(other)).toEqual(pair);
    expect(swapped({ ...pair, other: NOW, notebook: 'n' })).toBeNull();
    expect(keyOf({ ...pair, notebook: 'any.ipynb' })).toBe(keyOf(pair));
    expect(keyOf({ ...pair, base: 'a:b' })).not.toBe(keyOf({ ...pair, base: 'a', other: 'b:b' }));
  });
});

describe('the parts of a notebook', () => {
  it('hold every chunk in order, cut where change begins and ends', () => {
    const chunks = [0, 0, 1, 1, 1, 0, 1];
    const parts = partition(chunks, chunk => chunk === 1);
    expect(parts.map(part => part.chunks.length)).toEqual([2, 3, 1, 1]);
    expect(parts.map(part => part.isChanged)).toEqual([false, true, false, true]);
    expect(parts.flatMap(part => part.chunks)).toEqual(chunks);
    expect(slices([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  });
});

describe('what differs in words', () => {
  it('is counted by part, and only where something does', () => {
    const counts = countsOf(diff, trans).map(({ part, text }) => [part, text]);
    expect(counts).toEqual([
      ['notebook', '2 cells'],
      ['variables', '2 variables'],
      ['metrics', '1 metric'],
      ['environment', '1 package']
    ]);
    expect(countsOf({ base: 'a', other: 'a' }, trans)).toEqual([]);
  });

  it('says of a table what happened to it', () => {
    const table: TableDiff = {
      kind: 'table',
      before_shape: [1200, 3],
      after_shape: [1201, 3],
      columns_added: [{ name: 'c', dtype: 'int64' }],
      columns_removed: [{ name: 'd', dtype: 'int64' }],
      rows_added: 1,
      cells_changed: 2
    };
    expect(headline(table, trans)).toBe(
      '1,200 × 3 → 1,201 × 3, 1 column added, 1 column removed, 1 row added, 2 cells changed'
    );
  });

  it('says how a metric moved, where that can be said', () => {
    expect(moveOf(0.8, 0.9)).toEqual({ arrow: '↑', absolute: '+0.1', relative: '+12.5 %' });
    expect(moveOf(-2, -3)).toEqual({ arrow: '↓', absolute: '−1', relative: '−50 %' });
    expect(moveOf(0, 1)?.relative).toBeNull();
    expect(moveOf(null, 1)).toBeNull();
    expect(moveOf(1, Infinity)).toBeNull();
  });
});

describe('the report', () => {
  const side = { checkpoint, detail: null };

  it('names everything that differs, and nothing breaks out of it', () => {
    const now = { checkpoint: null, detail: null };
    const text = report({ base: side, other: now, diff, pair, values: {} }, trans);
    expect(text).toContain('## good\\_one → now');
    expect(text).toContain('2 cells · 2 variables · 1 metric · 1 package');
    expect(text).toContain('Cell 3, changed:\n\n````diff\n-x = 1\n+x = 2\n ```\n````');
    expect(text).toContain('Cell 4, changed: only what it shows differs.');
    expect(text).toContain('- `x` (int) changed: 1 → 2\n- `a` (int) added: \\<b\\>');
    expect(text).toContain('| acc\\|b | 0.8 | 0.9 | ↑ +0.1 (+12.5 %) |');
    expect(text).toContain('| numpy | 2.0 | — |');
  });

  it('calls runs by their names', () => {
    const ofRun = (name: string) => ({
      checkpoint,
      detail: { author: 'me', run: { name } } as CheckpointDetail
    });
    const [base, other] = ['first_try', 'second'].map(ofRun);
    const runs = { ...pair, are_runs: true as const };
    const text = report({ base, other, diff, pair: runs, values: {} }, trans);
    expect(text).toContain('## first\\_try → second');
    expect(report({ base, other, diff, pair, values: {} }, trans)).toContain(
      '## good\\_one → good'
    );
  });

  it('says when nothing differs', () => {
    const same = { base: 'a', other: 'a' };
    const text = report({ base: side, other: side, diff: same, pair, values: {} }, trans);
    expect(text).toContain('Nothing differs.');
    expect(report({ base: side, other: side, diff: null, pair, values: {} }, trans)).toBe('');
  });
});

test('what was compared and has the same short text is not told as if it had become that', () => {
  const text = 'QuadContourSet _nolegend_';
  const [before, after] = [{ text }, { text }];
  const types = { before_type: 'a.Q', after_type: 'a.Q' };
  expect(headline({ kind: 'replaced', before, after, ...types }, trans)).toBe(
    'looks the same, and is another value'
  );
});

test('what is not listed of a long list is counted with its thousands apart', () => {
  const diff = {
    kind: 'array',
    before_shape: [200_000],
    after_shape: [200_000],
    before_dtype: 'f8',
    after_dtype: 'f8',
    differing: 200_000,
    examples: [{ path: '[0]', before: '0', after: '1' }]
  } as ArrayDiff;
  const drawn = renderToStaticMarkup(createElement(ValueView, { diff, name: 'x', trans }));
  expect(drawn).toContain('and 199,999 more');
});

describe('a variable that no kernel compared', () => {
  const changed = (before: Partial<Variable['preview']>, after: Partial<Variable['preview']>) =>
    headlineOf(
      {
        change: 'changed',
        name: 'f',
        before: { ...variable('f', 'function'), preview: { text: 'function', ...before } },
        after: { ...variable('f', 'function'), preview: { text: 'function', ...after } }
      },
      undefined,
      trans
    );

  it('is told by its preview, or by its source where that differs', () => {
    expect(changed({}, { text: '2' })).toBe('function → 2');
    expect(changed({}, {})).toBe('looks the same, and is another value');
    expect(changed({ source: 'def f(): 1' }, { source: 'def f(): 2' })).toBe('another source');
  });
});
