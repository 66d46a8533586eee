import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { CompareModel } from '../../src/panels/compare/model';
import type { IPair } from '../../src/panels/compare/pair';
import { sideName } from '../../src/panels/compare/words';
import type {
  Checkpoint,
  CheckpointComparison,
  CheckpointDetail,
  CheckpointDiff,
  Comparison,
  Environment,
  Run,
  Variable
} from '../../src/schema';
import {
  type IKernelNews,
  type IKernels,
  type IProjects,
  type IServices,
  type KernelState,
  NOW
} from '../../src/tokens';

const trans = nullTranslator.load('mlm_jupyter');
const PAIR: IPair = { project: 'p', base: 'a', other: 'b' };
const LIVE: IPair = { project: 'p', base: 'a', other: NOW, notebook: 'n.ipynb' };

function variable(text: string, size_bytes: number): Variable {
  return {
    name: 'x',
    type: 'int',
    status: 'stored',
    preview: { text },
    fingerprint: text,
    size_bytes
  };
}

function diffOf(size: number): CheckpointDiff {
  const before = variable('1', size);
  const after = variable('2', size);
  return { base: 'a', other: 'b', variables: [{ change: 'changed', name: 'x', before, after }] };
}

/** A server, the notebooks that are open, and their kernels, as far as a comparison asks them. */
class World {
  states = new Map<string, KernelState>();
  asked: { path: string; verb: string; args: unknown }[] = [];
  answer: () => Promise<Comparison> = () =>
    Promise.resolve({
      diff: diffOf(1),
      values: { x: { kind: 'text', lines: ['-1', '+2'], before_length: 1, after_length: 1 } }
    });
  comparison: () => Promise<CheckpointComparison> = () =>
    Promise.resolve({
      base: checkpoint('a'),
      other: checkpoint('b'),
      diff: diffOf(8),
      notebook: null
    });
  detail: (id: string) => Promise<CheckpointDetail> = () => Promise.reject(new Error('gone'));
  sent: unknown = null;
  /** The notebooks by which a server finds a project again. */
  remembered: string[][] = [];
  /** Whether the next kernel is running something. */
  isBusy = false;
  readonly news = new Signal<IKernels, IKernelNews>({} as IKernels);
  readonly written = new Signal<IProjects, string>({} as IProjects);
  readonly opened = new Signal<unknown, NotebookPanel>({});

  open(path: string, state: KernelState): NotebookPanel {
    const contentChanged = new Signal<object, void>({});
    const model = { contentChanged, toJSON: () => ({ cells: [path] }) };
    const context = { path, localPath: path, model, ready: Promise.resolve() };
    const statusChanged = new Signal<object, void>({});
    const session = { kernel: { status: this.isBusy ? 'busy' : 'idle' } };
    const sessionContext = { session, statusChanged };
    const panel = { context, sessionContext } as unknown as NotebookPanel;
    this.panels.push(panel);
    this.states.set(path, state);
    this.opened.emit(panel);
    return panel;
  }

  model(pair: IPair = PAIR): CompareModel {
    const services = {
      client: {
        remember: (...home: string[]) => this.remembered.push(home),
        diff: () => this.comparison(),
        diffWithNotebook: async (_: string, __: string, notebook: unknown) => {
          this.sent = notebook;
          return { ...(await this.comparison()), other: null };
        },
        checkpoint: (_: string, id: string) => this.detail(id),
        run: (_: string, id: string) => Promise.resolve({ run: runOf(id) }),
        variables: () =>
          Promise.resolve({ items: [{ ...variable('2', 1) }, { ...variable('3', 1), name: 'y' }] }),
        logged: () => Promise.resolve({ params: { lr: '0.1' }, metrics: { acc: 0.5 } })
      },
      projects: {
        changed: this.written,
        find: (path: string) => Promise.resolve({ id: path === 'elsewhere.ipynb' ? 'q' : 'p' })
      },
      kernels: {
        changed: this.news,
        state: (panel: NotebookPanel) => Promise.resolve(this.states.get(panel.context.path)),
        ask: (panel: NotebookPanel, verb: string, args: unknown) => {
          this.asked.push({ path: panel.context.path, verb, args });
          return this.answer();
        }
      },
      trans
    } as unknown as IServices;
    const notebooks = {
      currentWidget: null,
      widgetAdded: this.opened,
      find: (test: (panel: NotebookPanel) => boolean) => this.panels.find(test),
      filter: (test: (panel: NotebookPanel) => boolean) => this.panels.filter(test)
    } as unknown as INotebookTracker;
    return new CompareModel(services, notebooks, pair);
  }

  private readonly panels: NotebookPanel[] = [];
}

function detailOf(one: Checkpoint): CheckpointDetail {
  return { checkpoint: one, run: null } as CheckpointDetail;
}

function runOf(id: string): Run {
  return { name: `run ${id}`, params: { lr: `of ${id}` }, metrics: {} } as unknown as Run;
}

function checkpoint(id: string): Checkpoint {
  return { id, name: null, ordinal: 1 } as Checkpoint;
}

describe('a comparison', () => {
  it('is by value where a kernel of the project tracks, whichever other is open', async () => {
    const world = new World();
    world.open('elsewhere.ipynb', 'tracking');
    world.open('busy.ipynb', 'busy');
    world.open('n.ipynb', 'paused');
    const model = world.model();
    await model.load();
    expect(world.asked).toEqual([
      { path: 'n.ipynb', verb: 'diff', args: { base: 'a', other: 'b' } }
    ]);
    expect(model.basis).toEqual({ by: 'value', notebook: 'n.ipynb' });
    expect(model.values.x.kind).toBe('text');
    // That the facts of the moments are missing is no reason to show nothing.
    expect(model.failure).toBeNull();
    expect(model.base.checkpoint?.id).toBe('a');
  });

  it.each<[string, KernelState | null, number, string, boolean]>([
    ['no notebook of the project', null, 8, 'no-kernel', false],
    ['a kernel that is off', 'off', 8, 'no-kernel', false],
    ['a dead kernel', 'dead', 8, 'no-kernel', false],
    ['a busy kernel', 'busy', 8, 'busy', true],
    ['much to load', 'tracking', 2e9, 'large', true]
  ])('with %s is by preview, and asks nobody unasked', async (_, state, size, why, isOffered) => {
    const world = new World();
    if (state) {
      world.open('n.ipynb', state);
    }
    const answer = { base: checkpoint('a'), other: checkpoint('b'), notebook: null };
    world.comparison = () => Promise.resolve({ ...answer, diff: diffOf(size) });
    const model = world.model();
    await model.load();
    expect(model.basis).toMatchObject({ by: 'preview', why });
    expect(world.asked).toEqual([]);
    await model.compareByValue();
    expect(world.asked).toHaveLength(isOffered ? 1 : 0);
    expect(model.basis.by).toBe(isOffered ? 'value' : 'preview');
  });

  it('waits for no cell that a tracked kernel is running', async () => {
    const world = new World();
    world.isBusy = true;
    world.open('n.ipynb', 'tracking');
    const model = world.model();
    await model.load();
    expect(model.basis).toMatchObject({ by: 'preview', why: 'busy' });
    expect(world.asked).toEqual([]);
  });

  it('goes on by value when tracking starts', async () => {
    const world = new World();
    const panel = world.open('n.ipynb', 'off');
    const model = world.model();
    await model.load();
    expect(model.basis.by).toBe('preview');
    world.states.set('n.ipynb', 'tracking');
    const isDone = new Promise<void>(resolve =>
      model.changed.connect(() => model.basis.by === 'value' && resolve())
    );
    const status = {
      state: 'tracking',
      project: null,
      notebook: null,
      run: null,
      current: null
    } as const;
    world.news.emit({ panel, status });
    await isDone;
    expect(model.values.x).toBeDefined();
  });

  it('says why a kernel could not compare, and asks it again when told to', async () => {
    const world = new World();
    world.open('n.ipynb', 'tracking');
    const { answer } = world;
    world.answer = () => Promise.reject(new Error('The kernel ended.'));
    const model = world.model();
    await model.load();
    expect(model.basis).toMatchObject({ by: 'preview', why: 'failed' });
    expect(model.basis).toHaveProperty('message', expect.stringContaining('The kernel ended.'));
    expect(model.diff?.variables).toHaveLength(1);
    world.answer = answer;
    await model.compareByValue();
    expect(model.basis.by).toBe('value');
  });

  it('says what is wrong, keeps what was there, and mends', async () => {
    const world = new World();
    const { comparison } = world;
    world.comparison = () => Promise.reject(new Error('No checkpoint a.'));
    const model = world.model();
    await model.load();
    expect(model.failure).toEqual({ message: 'No checkpoint a.', notebook: null });
    expect(model.diff).toBeNull();
    world.comparison = comparison;
    await model.load();
    expect(model.failure).toBeNull();
    world.comparison = () => Promise.reject(new Error('The server does not answer.'));
    await model.load();
    expect(model.failure?.message).toBe('The server does not answer.');
    expect(model.diff).not.toBeNull();
    world.comparison = comparison;
    world.written.emit('another');
    world.written.emit('p'); // the server is back
    await new Promise(resolve => setTimeout(resolve, 0));
    expect(model.failure).toBeNull();
  });

  it('is found again by a server that was restarted, by the notebook it was opened with', async () => {
    const world = new World();
    world.model({ ...PAIR, notebook: 'n.ipynb' });
    expect(world.remembered).toEqual([['p', 'n.ipynb']]);
    world.open('n.ipynb', 'off');
    await world.model(LIVE).load();
    expect(world.remembered).toHaveLength(2);
  });

  it('drops an answer that comes after a newer question, or after the end', async () => {
    const world = new World();
    const { comparison } = world;
    let late: (answer: CheckpointComparison) => void = () => undefined;
    world.comparison = () => new Promise(resolve => (late = resolve));
    const model = world.model();
    const first = model.load();
    world.comparison = comparison;
    await model.load();
    late({ base: checkpoint('late'), other: null, diff: diffOf(1), notebook: null });
    await first;
    expect(model.base.checkpoint?.id).toBe('a');
  });

  it('asks what is the same only when it is to be shown', async () => {
    const model = new World().model();
    await model.load();
    expect(model.same).toBeNull();
    const isThere = new Promise<void>(resolve =>
      model.changed.connect(() => model.same && resolve())
    );
    model.onlyChanges = false;
    await isThere;
    expect(model.same?.variables.map(({ name }) => name)).toEqual(['y']);
    expect(model.same?.params).toEqual([{ name: 'lr', value: '0.1' }]);
    expect(model.same?.metrics).toEqual([{ name: 'acc', value: 0.5 }]);
    model.onlyChanges = true;
    expect(model.same).toBeNull();
  });

  it('of runs says of each what it logged, whichever run its last checkpoint is of', async () => {
    const world = new World();
    const run = runOf('nested');
    world.detail = id => Promise.resolve({ ...detailOf(checkpoint(`last of ${id}`)), run });
    const model = world.model({ ...PAIR, are_runs: true });
    model.onlyChanges = false;
    await model.load();
    const names = [model.base, model.other].map(side => sideName(side, model.pair, trans));
    expect(names).toEqual(['run a', 'run b']);
    expect(model.same?.params).toEqual([{ name: 'lr', value: 'of b' }]);
    expect(model.same?.metrics).toEqual([]);
  });

  it('follows the names and notes of its moments while it is on screen', async () => {
    jest.useFakeTimers();
    try {
      const world = new World();
      let name = 'good';
      world.detail = id => Promise.resolve(detailOf({ ...checkpoint(id), name }));
      const model = world.model();
      await model.load();
      const told = jest.fn();
      model.changed.connect(told);
      const write = async (project: string): Promise<void> => {
        world.written.emit(project);
        await jest.advanceTimersByTimeAsync(3000);
      };
      await write('p');
      expect(told).not.toHaveBeenCalled();
      name = 'better';
      await write('q');
      expect(model.base.checkpoint?.name).toBe('good');
      await write('p');
      expect(model.base.checkpoint?.name).toBe('better');
      model.setShown(false);
      name = 'best';
      await write('p');
      expect(model.base.checkpoint?.name).toBe('better');
      model.setShown(true);
      await jest.advanceTimersByTimeAsync(0);
      expect(model.base.checkpoint?.name).toBe('best');
      expect(model.other.checkpoint?.name).toBe('best');
      model.dispose();
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('what becomes known of a moment after it was compared', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** A comparison whose other side then gets something more. */
  async function grown(more: Partial<CheckpointDetail>): Promise<CompareModel> {
    const world = new World();
    let known: Partial<CheckpointDetail> = { environment: null, outputs: [] };
    world.detail = id => Promise.resolve({ ...detailOf(checkpoint(id)), ...known });
    const model = world.model();
    await model.load();
    const { comparison } = world;
    const fact = { change: 'added', name: 'python', after: '3.12' } as const;
    world.comparison = async () => {
      const answer = await comparison();
      return { ...answer, diff: { ...answer.diff, environment: { facts: [fact] } } };
    };
    known = { ...known, ...more };
    world.written.emit('p');
    await jest.advanceTimersByTimeAsync(3000);
    return model;
  }

  it('is compared as well if it is the environment', async () => {
    const model = await grown({ environment: { python: '3.12' } as Environment });
    expect(model.diff?.environment?.facts).toHaveLength(1);
    expect(model.diff?.variables).toHaveLength(1);
    expect(model.isStale).toBe(false);
  });

  it('is said, and not drawn under the eyes, if it is what a cell showed late', async () => {
    const model = await grown({ outputs: [{ output_type: 'stream', text: 'late' }] });
    expect(model.diff?.environment).toBeUndefined();
    expect(model.isStale).toBe(true);
    await model.load();
    expect(model.isStale).toBe(false);
  });

  it('is not asked for again where nothing is new', async () => {
    const model = await grown({});
    expect(model.diff?.environment).toBeUndefined();
    expect(model.isStale).toBe(false);
  });
});

describe('a comparison with now', () => {
  it('has its cells from the live notebook and its variables from the kernel', async () => {
    const world = new World();
    const panel = world.open('n.ipynb', 'tracking');
    const model = world.model(LIVE);
    await model.load();
    expect(world.sent).toEqual({ cells: ['n.ipynb'] });
    expect(world.asked).toEqual([{ path: 'n.ipynb', verb: 'diff', args: { base: 'a' } }]);
    expect(model.basis.by).toBe('value');
    expect(model.isStale).toBe(false);
    (panel.context.model.contentChanged as Signal<unknown, void>).emit();
    expect(model.isStale).toBe(true);
    await model.load();
    expect(model.isStale).toBe(false);
  });

  it('is of the notebook only when the kernel cannot say, and says so', async () => {
    const world = new World();
    world.open('n.ipynb', 'without-package');
    const model = world.model(LIVE);
    await model.load();
    expect(model.basis).toHaveProperty('message', expect.stringContaining('Only the notebook'));
    // What was not compared is not said to be the same.
    model.onlyChanges = false;
    await model.load();
    expect(model.same).toBeNull();
    expect(model.diff).not.toBeNull();
  });

  it('asks for the notebook to be opened when it is not, and goes on when it is', async () => {
    const world = new World();
    const model = world.model(LIVE);
    await model.load();
    expect(model.failure?.notebook).toBe('n.ipynb');
    const isDone = new Promise<void>(resolve =>
      model.changed.connect(() => model.basis.by === 'value' && resolve())
    );
    world.open('other.ipynb', 'tracking');
    world.open('n.ipynb', 'tracking');
    await isDone;
    expect(model.failure).toBeNull();
    expect(world.sent).toEqual({ cells: ['n.ipynb'] });
  });
});
