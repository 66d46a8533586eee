/**
 * The view of a checkpoint, below what is drawn: what is known of it, what of a stored notebook is believed, and where one is written.
 */
import type { Contents } from '@jupyterlab/services';
import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { type Client, ClientError } from '../../src/client';
import { canBeTrusted, picturesOf, readNotebook } from '../../src/panels/checkpoint/document';
import { CheckpointModel } from '../../src/panels/checkpoint/model';
import { findFolder, writeNotebook } from '../../src/panels/checkpoint/reopen';
import type { Checkpoint, CheckpointDetail, Environment, ProjectInfo } from '../../src/schema';
import type { IProjects } from '../../src/tokens';

const CHECKPOINT: Checkpoint = {
  id: '0t2vyfn4w8mcpe',
  digest: 'd',
  kind: 'cell',
  created_at: 1,
  session_id: 's',
  ordinal: 12,
  parent_id: null,
  run_id: null,
  notebook: 'work/tour.ipynb',
  name: null,
  note: null,
  cell_id: 'c1',
  execution_count: 1,
  source: 'x = 1',
  status: 'ok',
  duration_ms: 3,
  changes: { added: ['x'], changed: [], removed: [], between: [] },
  metrics: {},
  is_dropped: false
};

function detailOf(change: Partial<Checkpoint> = {}): CheckpointDetail {
  return {
    checkpoint: { ...CHECKPOINT, ...change },
    execution: null,
    outputs: [{ output_type: 'stream', name: 'stdout', text: 'hello' }],
    widgets: null,
    author: 'me',
    session: {
      id: 's',
      started_at: 1,
      pid: 1,
      process_started_at: 1,
      host: 'here',
      python: '3.11',
      author: 'me',
      notebook: null,
      environment: null,
      heartbeat_at: null,
      ended_at: null
    },
    environment: null,
    run: null,
    modules: {},
    left_out: []
  };
}

class FakeProjects implements IProjects {
  find = async (): Promise<null> => null;
  readonly changed: Signal<IProjects, string> = new Signal(this);
}

describe('CheckpointModel', () => {
  const projects = new FakeProjects();
  const notFound = new ClientError('not_found', 'No checkpoint of that id.', 404);

  function modelOf(client: object): CheckpointModel {
    return new CheckpointModel({ client: client as Client, projects }, 'p', CHECKPOINT.id);
  }

  it('shows a change of the name, and leaves what is drawn of the outputs', async () => {
    let name = 'one';
    const model = modelOf({ checkpoint: async () => detailOf({ name }) });
    await model.refresh();
    const { outputs } = model.detail.value!;
    name = 'two';
    await model.refresh();
    expect(model.checkpoint!.name).toBe('two');
    expect(model.detail.value!.outputs).toBe(outputs);
  });

  it('shows an environment that becomes known, and leaves it as it is then', async () => {
    let environment: Environment | null = null;
    const model = modelOf({ checkpoint: async () => ({ ...detailOf(), environment }) });
    await model.refresh();
    expect(model.detail.value!.environment).toBeNull();
    environment = { python: '3.12' } as Environment;
    await model.refresh();
    const shown = model.detail.value!.environment;
    expect(shown?.python).toBe('3.12');
    environment = { python: '3.12' } as Environment;
    await model.refresh();
    expect(model.detail.value!.environment).toBe(shown);
  });

  it('follows changes of its project while it is on screen, a thousand with a few requests', async () => {
    const checkpoint = jest.fn(async () => detailOf());
    const model = modelOf({ checkpoint });
    model.setShown(true);
    await model.refresh();
    checkpoint.mockClear();
    for (let i = 0; i < 1000; i++) {
      projects.changed.emit('p');
      projects.changed.emit('another');
    }
    await new Promise(resolve => setTimeout(resolve, 1200));
    expect(checkpoint.mock.calls.length).toBeGreaterThan(0);
    expect(checkpoint.mock.calls.length).toBeLessThan(4);
    model.setShown(false);
    checkpoint.mockClear();
    projects.changed.emit('p');
    await new Promise(resolve => setTimeout(resolve, 700));
    expect(checkpoint).not.toHaveBeenCalled();
    model.setShown(true);
    expect(checkpoint).toHaveBeenCalledTimes(1);
    model.dispose();
  });

  it('remembers what it knew of a checkpoint that was deleted', async () => {
    let isThere = true;
    const model = modelOf({
      checkpoint: async () => {
        if (!isThere) {
          throw notFound;
        }
        return detailOf();
      }
    });
    await model.refresh();
    isThere = false;
    await model.refresh();
    expect(model.isGone).toBe(true);
    expect(model.checkpoint!.ordinal).toBe(12);
  });

  it('asks for variables once, and again only where none came', async () => {
    let fails = true;
    const variables = jest.fn(async () => {
      if (fails) {
        throw new ClientError('unreachable', 'The server does not answer.');
      }
      return { items: [] };
    });
    const model = modelOf({ checkpoint: async () => detailOf(), variables });
    await Promise.all([model.loadVariables(), model.loadVariables()]);
    expect(variables).toHaveBeenCalledTimes(1);
    expect(model.variables.failure!.code).toBe('unreachable');
    fails = false;
    await model.loadVariables();
    await model.loadVariables();
    expect(variables).toHaveBeenCalledTimes(2);
    expect(model.variables.value).toEqual([]);
  });
});

describe('readNotebook', () => {
  it('believes no cell that says it is trusted', () => {
    const cell = {
      cell_type: 'code',
      id: 'a',
      source: 'x',
      metadata: { trusted: true, tags: ['t'] },
      outputs: []
    };
    const { content } = readNotebook({ cells: [cell], metadata: {}, nbformat: 4 });
    expect(content.cells).toEqual([{ ...cell, metadata: { tags: ['t'] } }]);
    expect(content.nbformat).toBe(4);
  });

  it.each([
    {},
    { cells: 'none' },
    { cells: [null, 7, {}] },
    { cells: [{ outputs: [{ data: null }] }] },
    { cells: [{ outputs: [{ output_type: 'error', traceback: 7 }, { output_type: 'odd' }] }] }
  ])('reads anything: %j', stored => {
    expect(() => readNotebook(stored)).not.toThrow();
  });

  it('shows the text of a widget', () => {
    const data = { 'application/vnd.jupyter.widget-view+json': {}, 'text/plain': 'IntSlider()' };
    const { cells } = readNotebook({
      cells: [{ cell_type: 'code', outputs: [{ output_type: 'display_data', data }] }]
    });
    expect(cells[0].outputs[0].data).toEqual({ 'text/plain': 'IntSlider()' });
  });
});

describe('canBeTrusted', () => {
  const shows = (data: { [type: string]: unknown }): boolean => canBeTrusted([{ data }]);

  it('is asked only where trust shows more', () => {
    expect(shows({ 'text/plain': 'x' })).toBe(false);
    expect(shows({ 'image/png': 'aaaa', 'text/plain': 'x' })).toBe(false);
    expect(shows({ 'text/html': '<style scoped></style><table><td>1</td></table>' })).toBe(false);
    expect(shows({ 'text/html': '<b>x</b><script>1</script>' })).toBe(true);
    expect(shows({ 'text/html': '<img src="x" onerror="1">' })).toBe(true);
    expect(shows({ 'image/svg+xml': '<svg/>' })).toBe(true);
    expect(shows({ 'application/javascript': '1' })).toBe(true);
  });
});

describe('picturesOf', () => {
  it('makes addresses of images only', () => {
    expect(picturesOf([{ data: { 'image/png': 'ab\ncd' } }, { text: 'x' }])).toEqual([
      'data:image/png;base64,abcd'
    ]);
    expect(picturesOf([{ data: { 'image/png': { evil: 1 }, 'image/svg+xml': '<svg/>' } }])).toEqual(
      []
    );
  });
});

/** A folder of files: renaming to a name that is taken is refused, as the server does. */
function folderOf(files: Map<string, unknown>): Contents.IManager {
  const refuse = (status: number): never => {
    throw new ServerConnection.ResponseError({ status, statusText: '' } as Response);
  };
  return {
    newUntitled: async ({ path }: { path: string }) => {
      const made = `${path ? `${path}/` : ''}Untitled.ipynb`;
      files.set(made, null);
      return { path: made };
    },
    save: async (path: string, { content }: { content: unknown }) => {
      files.set(path, content);
      return { path };
    },
    rename: async (path: string, target: string) => {
      if (files.has(target)) {
        refuse(409);
      }
      files.set(target, files.get(path));
      files.delete(path);
      return { path: target };
    },
    delete: async (path: string) => void files.delete(path)
  } as unknown as Contents.IManager;
}

function clientOf(folder: string, known: { [path: string]: string }): Client {
  const info: ProjectInfo = { id: 'p', name: 'n', folder, notebook: null, is_writable: true };
  return {
    notebook: async () => ({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
    projects: async (path?: string) => {
      if (path === undefined) {
        return { items: [info] };
      }
      return { items: path in known ? [{ ...info, notebook: known[path] }] : [] };
    }
  } as unknown as Client;
}

describe('writeNotebook', () => {
  it('never writes over a file, whatever is there', async () => {
    const files = new Map<string, unknown>([
      ['proj/work/tour.ipynb', 'mine'],
      ['proj/work/tour-12.ipynb', 'mine'],
      ['proj/work/tour-12-2.ipynb', 'mine']
    ]);
    const client = clientOf('proj', { 'proj/work/tour.ipynb': 'work/tour.ipynb' });
    const path = await writeNotebook(client, folderOf(files), 'p', CHECKPOINT);
    expect(path).toBe('proj/work/tour-12-3.ipynb');
    expect([...files].filter(([, content]) => content === 'mine')).toHaveLength(3);
    expect(files.size).toBe(4);
    expect(files.get(path)).toMatchObject({ nbformat: 4 });
  });

  it('leaves no empty file behind when it cannot write', async () => {
    const files = new Map<string, unknown>();
    const contents = folderOf(files);
    contents.save = async () => {
      throw new Error('The disk is full.');
    };
    const client = clientOf('proj', { 'proj/work/tour.ipynb': 'work/tour.ipynb' });
    await expect(writeNotebook(client, contents, 'p', CHECKPOINT)).rejects.toThrow('disk is full');
    expect(files.size).toBe(0);
  });
});

describe('findFolder', () => {
  it.each([
    [
      'a project below the root',
      'proj',
      { 'proj/work/tour.ipynb': 'work/tour.ipynb' },
      'proj/work'
    ],
    ['a project that is the root', '.', { 'work/tour.ipynb': 'work/tour.ipynb' }, 'work'],
    ['a project above the root', '/home/me/proj', { 'tour.ipynb': 'work/tour.ipynb' }, ''],
    ['a notebook out of reach', '/home/me/proj', {}, '']
  ])('finds the folder of %s', async (_, folder, known, found) => {
    expect(await findFolder(clientOf(folder, known), 'p', 'work/tour.ipynb')).toBe(found);
  });
});
