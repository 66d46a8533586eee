/**
 * The list of runs: what a heading makes of a query, where nested runs stand, what differs, and what the model asks for.
 */
import { Signal } from '@lumino/signaling';

import { type Client, ClientError, type IRunQuery } from '../../src/client';
import { MOST_COMPARED, RunsModel } from '../../src/model/runs';
import { FIRST_POINTS, RunSet } from '../../src/model/runset';
import { bestOf, compareRuns, histories, isLessBetter } from '../../src/panels/runs/differs';
import { fieldOf, nextOrder, orderOf, withOrder } from '../../src/panels/runs/order';
import { durationOf, keysOf, toRows } from '../../src/panels/runs/rows';
import type { Metric, Run, RunPage } from '../../src/schema';
import type { IProjects } from '../../src/tokens';
import { aRun } from './runs.data';

describe('the order of a query', () => {
  const conditions = [
    '',
    'metrics.acc > 0.9',
    "params.x = 'order by name limit 3'",
    "tags.`order by` = 'it''s' and status = \"limit\"",
    'metrics.limit > 3 or params.order = 2'
  ];

  test('is what was written, and writing it changes nothing else', () => {
    for (const where of conditions) {
      for (const limit of ['', 'limit 5', 'LIMIT 5']) {
        for (const order of [null, { field: 'metrics.`val acc`', isDescending: true }]) {
          const plain = [where, limit].filter(Boolean).join(' ');
          const query = withOrder(plain, order);
          expect(orderOf(query)).toEqual(order);
          expect(withOrder(query, null)).toBe(plain);
          expect(withOrder(query, order)).toBe(query);
        }
      }
    }
  });

  test('is read whichever way it is typed', () => {
    expect(orderOf('status = 1 ORDER  BY metrics.acc DESC, name')).toEqual({
      field: 'metrics.acc',
      isDescending: true
    });
    expect(orderOf('order by params."a b"')).toEqual({
      field: 'params."a b"',
      isDescending: false
    });
    expect(orderOf('order by')).toBeNull();
  });

  test('a heading sorts up, then down, then not', () => {
    const up = nextOrder(null, 'name');
    const down = nextOrder(up, 'name');
    expect([up, down, nextOrder(down, 'name')]).toEqual([
      { field: 'name', isDescending: false },
      { field: 'name', isDescending: true },
      null
    ]);
    expect(nextOrder(down, 'status')).toEqual({ field: 'status', isDescending: false });
  });

  test('keys are quoted where the language needs it', () => {
    expect(fieldOf('metrics', 'acc')).toBe('metrics.acc');
    expect(fieldOf('metrics', 'val/acc')).toBe('metrics.val/acc');
    expect(fieldOf('params', 'a b')).toBe('params.`a b`');
    expect(fieldOf('tags', 'a`b')).toBeNull();
  });
});

describe('rows', () => {
  test('nested runs stand under theirs, each once, whatever the order they come in', () => {
    const runs = [
      aRun('fold-1', { parent_id: 'a' }),
      aRun('b'),
      aRun('deep', { parent_id: 'fold-1' }),
      aRun('a'),
      aRun('orphan', { parent_id: 'not listed' })
    ];
    expect(toRows(runs, false).map(row => [row.run.id, row.level])).toEqual([
      ['b', 0],
      ['a', 0],
      ['fold-1', 1],
      ['deep', 2],
      ['orphan', 1]
    ]);
    expect(toRows(runs, true).map(row => row.run)).toEqual(runs);
  });

  test('keys of most runs come first', () => {
    expect(
      keysOf([
        { b: 1, a: 1 },
        { c: 1, b: 1 }
      ])
    ).toEqual(['b', 'a', 'c']);
    expect(keysOf([{ b: 1, a: 1 }, { b: 1 }], 1)).toEqual(['b']);
  });

  test('a run that goes on has taken until now; of one that was killed nobody knows', () => {
    expect(durationOf(aRun('a'), 0)).toBe(60_000);
    expect(durationOf(aRun('a', { ended_at: null, status: 'running' }), 5_000)).toBe(4_000);
    expect(durationOf(aRun('a', { ended_at: null, status: 'killed' }), 5_000)).toBeNull();
  });
});

describe('what differs', () => {
  test('a row for each key; not logged is not the same as not finite', () => {
    const runs = [
      aRun('a', { params: { lr: '1', n: '2' }, metrics: { acc: null }, tags: { t: 'x' } }),
      aRun('b', { params: { lr: '1' }, metrics: { acc: null }, tags: { t: 'y' } })
    ];
    expect(compareRuns(runs)).toEqual([
      { kind: 'param', key: 'lr', values: ['1', '1'], isDifferent: false },
      { kind: 'param', key: 'n', values: ['2', null], isDifferent: true },
      { kind: 'metric', key: 'acc', values: [NaN, NaN], isDifferent: false },
      { kind: 'tag', key: 't', values: ['x', 'y'], isDifferent: true }
    ]);
  });

  test('the best is the greatest or the least, all that are; none where nothing can be said', () => {
    expect(bestOf([1, 3, null, 3, NaN], false)).toEqual([1, 3]);
    expect(bestOf([1, 3, null, 3, NaN], true)).toEqual([0]);
    expect(bestOf([2, 2], false)).toEqual([]);
    expect(bestOf([2, null], false)).toEqual([]);
    expect(bestOf(['a', 'b'], false)).toEqual([]);
  });

  test.each([
    ['loss', true],
    ['val_loss', true],
    ['trainLoss', true],
    ['test/RMSE', true],
    ['model_size_mb', true],
    ['acc', false],
    ['glossary_hits', false],
    ['f1', false]
  ])('%s: less is better: %s', (key, expected) => expect(isLessBetter(key)).toBe(expected));

  test('a param has all values it was given, in order', () => {
    const params = [
      { key: 'b', value: '1', logged_at: 1 },
      { key: 'a', value: '2', logged_at: 2 },
      { key: 'b', value: '3', logged_at: 3 }
    ];
    const found = [...histories(params)].map(([key, all]) => [key, all.map(one => one.value)]);
    expect(found).toEqual([
      ['a', ['2']],
      ['b', ['1', '3']]
    ]);
  });
});

class FakeProjects implements IProjects {
  readonly changed: Signal<IProjects, string> = new Signal(this);
  find(): Promise<null> {
    return Promise.resolve(null);
  }
}

/** Answers as the server does: pages of runs, a line for a query it cannot read. */
class FakeClient {
  runsThere: Run[] = Array.from({ length: 250 }, (_, index) => aRun(`run-${index}`));
  asked: IRunQuery[] = [];
  metricsAsked: (string | number | undefined)[][] = [];
  points: Metric[] = [];
  failure: ClientError | null = null;

  async runs(_: string, query: IRunQuery): Promise<RunPage> {
    this.asked.push(query);
    if (this.failure) {
      throw this.failure;
    }
    if (query.query?.endsWith('>')) {
      throw new ClientError('invalid_input', 'Cannot read the query at its end.', 400);
    }
    const start = Number(query.cursor ?? 0);
    const end = start + (query.limit ?? 100);
    const items = this.runsThere.slice(start, end);
    const cursor = end < this.runsThere.length ? String(end) : null;
    return { items, cursor, total: this.runsThere.length };
  }

  async run(_: string, id: string): Promise<unknown> {
    const run = this.runsThere.find(one => one.id === id);
    if (!run) {
      throw new ClientError('not_found', `No run '${id}' in this project.`, 404);
    }
    return { run, session: {}, params: [], artifacts: [], children: [] };
  }

  async metrics(_: string, run: string, key?: string, points?: number): Promise<unknown> {
    this.metricsAsked.push([run, key, points]);
    return { items: this.points.filter(point => !key || point.key === key) };
  }

  async changeRun(_: string, id: string, { tags }: { tags: Run['tags'] }): Promise<Run> {
    const run = this.runsThere.find(one => one.id === id)!;
    return { ...run, tags: { ...run.tags, ...tags } };
  }
}

async function aModel(): Promise<{ model: RunsModel; client: FakeClient; projects: FakeProjects }> {
  const client = new FakeClient();
  const projects = new FakeProjects();
  const model = new RunsModel(client as unknown as Client, projects);
  model.isShown = true;
  await model.setProject('p');
  return { model, client, projects };
}

const moment = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

describe('the model of the list', () => {
  test('brings page after page, each once, until there is no more', async () => {
    const { model, client } = await aModel();
    expect(model.items).toHaveLength(100);
    expect(model.total).toBe(250);
    await Promise.all([model.loadMore(), model.loadMore()]);
    await model.loadMore();
    await model.loadMore();
    expect(model.items).toEqual(client.runsThere);
    expect(model.hasMore).toBe(false);
    expect(client.asked).toHaveLength(3);
  });

  test('a query that cannot be read says why and leaves the last list', async () => {
    const { model } = await aModel();
    await model.setQuery('metrics.acc >');
    expect(model.queryError).toBe('Cannot read the query at its end.');
    expect(model.items).toHaveLength(100);
    await model.setQuery('metrics.acc > 1');
    expect(model.queryError).toBeNull();
  });

  test('a server that does not answer says so beside the list, and all is well when it does', async () => {
    const { model, client } = await aModel();
    client.failure = new ClientError('unreachable', 'The server does not answer.');
    await model.refresh();
    expect([model.state, model.failure, model.items.length]).toEqual([
      'ready',
      'The server does not answer.',
      100
    ]);
    client.failure = null;
    await model.refresh();
    expect(model.failure).toBeNull();
  });

  test('why there is no project is told, and no longer than it is so', async () => {
    const { model } = await aModel();
    const told: (string | null)[] = [];
    model.changed.connect(({ state, failure }) => told.push(state === 'no-project' ? failure : ''));
    for (const failure of [null, 'The server does not answer.', null]) {
      await model.setProject(null, failure);
    }
    expect(told).toEqual([null, 'The server does not answer.', null]);
  });

  test('hidden, it asks for nothing; shown again, once', async () => {
    const { model, client } = await aModel();
    model.isShown = false;
    await model.refresh();
    await model.refresh();
    expect(client.asked).toHaveLength(1);
    model.isShown = true;
    await moment(0);
    expect(client.asked).toHaveLength(2);
  });

  test('a thousand writes are few questions, and other projects none', async () => {
    const { client, projects } = await aModel();
    for (let index = 0; index < 1000; index++) {
      projects.changed.emit(index % 2 ? 'p' : 'other');
    }
    await moment(700);
    expect(client.asked.length).toBeGreaterThan(1);
    expect(client.asked.length).toBeLessThan(5);
  });

  test('an answer that a newer question overtook is dropped', async () => {
    const { model, client } = await aModel();
    const slow = client.runs.bind(client);
    client.runs = async (project, query) => {
      await moment(query.query === 'slow' ? 40 : 0);
      const page = await slow(project, query);
      return query.query === 'slow' ? { ...page, items: [] } : page;
    };
    await Promise.all([model.setQuery('slow'), model.setQuery('fast')]);
    expect(model.items).toHaveLength(100);
  });

  test(`at most ${MOST_COMPARED} runs are selected, in the order they were`, async () => {
    const { model } = await aModel();
    const taken = Array.from({ length: 10 }, (_, index) => model.toggle(`run-${9 - index}`));
    expect(taken).toEqual([...Array(8).fill(true), false, false]);
    expect(model.selected[0]).toBe('run-9');
    expect(model.toggle('run-9')).toBe(true);
    expect(model.selected).toHaveLength(7);
    await model.setProject('other');
    expect(model.selected).toHaveLength(0);
  });
});

describe('runs in full', () => {
  const point = (step: number): Metric => ({
    key: 'loss',
    value: step,
    step,
    logged_at: step,
    checkpoint_id: null
  });

  function aSet(ids: string[]): { set: RunSet; client: FakeClient; projects: FakeProjects } {
    const client = new FakeClient();
    const projects = new FakeProjects();
    return { set: new RunSet(client as unknown as Client, projects, 'p', ids), client, projects };
  }

  test('those that are gone are told of, the others shown in the order asked for', async () => {
    const { set } = aSet(['run-3', 'gone', 'run-1']);
    await set.refresh();
    expect(set.runs.map(run => run.id)).toEqual(['run-3', 'run-1']);
    expect([...set.failures]).toEqual([['gone', "No run 'gone' in this project."]]);
  });

  test('points are asked for again only of what runs, or has new ones', async () => {
    const { set, client } = aSet(['run-0', 'run-1']);
    client.runsThere[1] = aRun('run-1', { status: 'running', ended_at: null });
    await set.refresh();
    await set.refresh();
    const count = (id: string): number => client.metricsAsked.filter(([run]) => run === id).length;
    expect([count('run-0'), count('run-1')]).toEqual([1, 2]);
    client.runsThere[0] = aRun('run-0', { metrics: { loss: 1 } });
    await set.refresh();
    expect(count('run-0')).toBe(2);
  });

  test('zoomed into, a metric of many points is asked for in more, and stays so', async () => {
    const { set, client } = aSet(['run-0']);
    client.runsThere[0] = aRun('run-0', { metrics: { loss: 1 }, status: 'running' });
    client.points = Array.from({ length: FIRST_POINTS }, (_, step) => point(step));
    await set.refresh();
    await set.refine('loss', 0.1);
    expect(client.metricsAsked.at(-1)).toEqual(['run-0', 'loss', 10 * FIRST_POINTS]);
    const before = client.metricsAsked.length;
    await set.refine('loss', 0.5);
    expect(client.metricsAsked).toHaveLength(before);
    await set.refresh();
    expect(client.metricsAsked.at(-1)).toEqual(['run-0', 'loss', 10 * FIRST_POINTS]);
    expect(set.points(set.runs[0])).toHaveLength(FIRST_POINTS);
  });

  test('a metric that has all its points is not asked for again', async () => {
    const { set, client } = aSet(['run-0']);
    client.points = [point(0), point(1)];
    await set.refresh();
    await set.refine('loss', 0.01);
    expect(client.metricsAsked).toHaveLength(1);
  });

  test('nothing is asked for while nobody looks, and once when somebody does again', async () => {
    const { set, client, projects } = aSet(['run-0']);
    const asked = jest.spyOn(client, 'run');
    set.setShown(false);
    projects.changed.emit('p');
    await moment(600);
    expect(asked).not.toHaveBeenCalled();
    set.setShown(true);
    set.setShown(true);
    await moment(0);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test('a tag that was set is shown at once', async () => {
    const { set } = aSet(['run-0']);
    await set.refresh();
    await set.setTag(set.runs[0], 'kind', 'best');
    expect(set.runs[0].tags).toEqual({ kind: 'best' });
  });
});
