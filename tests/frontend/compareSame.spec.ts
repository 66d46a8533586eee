import { sameOf } from '../../src/panels/compare/same';
import type { CheckpointDetail, CheckpointDiff, Variable } from '../../src/schema';

function variable(name: string): Variable {
  return { name, type: 'int', status: 'stored', preview: { text: '1' }, fingerprint: name };
}

const whole = {
  variables: [variable('x'), variable('y')],
  logged: { params: { lr: '0.1', seed: '7' }, metrics: { acc: 0.5, loss: null } }
};
const detail: Pick<CheckpointDetail, 'environment' | 'modules'> = {
  environment: {
    python: '3.12',
    implementation: 'CPython',
    platform: 'Linux',
    packages: { numpy: '2', pandas: '3' }
  },
  modules: { 'a.py': 'A = 1', 'b.py': 'B = 1' }
};

function names(items: readonly { name: string }[]): string[] {
  return items.map(({ name }) => name);
}

describe('what is the same', () => {
  it('is what a side has and no change names, in every part', () => {
    const diff: CheckpointDiff = {
      base: 'a',
      other: 'b',
      variables: [{ change: 'added', name: 'y', after: variable('y') }],
      metrics: [{ change: 'changed', name: 'acc', before: 0.4, after: 0.5 }],
      params: [{ change: 'removed', name: 'gone', before: '1' }],
      environment: {
        facts: [{ change: 'changed', name: 'python', before: '3.11', after: '3.12' }],
        packages: [{ change: 'changed', name: 'numpy', before: '1', after: '2' }]
      },
      modules: [{ change: 'changed', name: 'a.py', before: '', after: 'A = 1' }]
    };
    const same = sameOf(whole, detail, diff);
    const found = Object.entries(same).map(([part, items]) => [part, names(items)]);
    expect(Object.fromEntries(found)).toEqual({
      variables: ['x'],
      metrics: ['loss'],
      params: ['lr', 'seed'],
      facts: ['implementation', 'platform'],
      packages: ['pandas'],
      modules: ['b.py']
    });
  });

  it('is everything where nothing differs, and no more than is known', () => {
    const diff = { base: 'a', other: 'a' };
    const same = sameOf(whole, detail, diff);
    expect(names(same.variables)).toEqual(['x', 'y']);
    expect(same.metrics).toEqual([
      { name: 'acc', value: 0.5 },
      { name: 'loss', value: null }
    ]);
    expect(sameOf(whole, null, diff).packages).toEqual([]);
    expect(sameOf(whole, { environment: null, modules: {} }, diff).facts).toEqual([]);
  });
});
