/**
 * A project that is written to a thousand times a second: whatever follows it asks the server now and then, and sees the last change.
 */
import { ServerConnection, type ServiceManager } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { Client } from '../../src/client';
import { Front } from '../../src/model/front';
import { Projects, SCHEMA_ID } from '../../src/model/projects';
import { RunsModel } from '../../src/model/runs';
import { RunSet } from '../../src/model/runset';
import { Timeline } from '../../src/model/timeline';
import { CheckpointModel } from '../../src/panels/checkpoint/model';
import { CompareModel } from '../../src/panels/compare/model';
import type { IServices } from '../../src/tokens';
import { aCheckpoint, aPanel, FakeKernels, FakeNotebooks, idOf } from './history.data';
import { aRun } from './runs.data';

const EVENTS = 1000;

/** A server with one checkpoint and one run in one project; all that is asked of it, but for the notebook's project. */
class Server {
  isBroken = false;
  hasProject = true;
  readonly asked: string[] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/',
    fetch: async input => {
      const { pathname } = new URL((input as Request).url);
      this.asked.push(pathname);
      const status = this.isBroken ? 503 : 200;
      const failure = { code: 'storage', message: 'It is locked.' };
      return new Response(JSON.stringify(this.isBroken ? failure : this.answer(pathname)), {
        status
      });
    }
  });

  count(path: string): number {
    return this.asked.filter(one => one === path).length;
  }

  private answer(path: string): unknown {
    const checkpoint = aCheckpoint(1);
    switch (path.split('/').slice(3).join('/')) {
      case '':
        return { items: this.hasProject ? [{ id: 'p', notebook: 'a.ipynb' }] : [] };
      case 'p/checkpoints':
        return { items: [checkpoint], total: 1, cursor: null };
      case 'p/runs':
        return { items: [aRun('r')], total: 1, cursor: null };
      case 'p/runs/r':
        return { run: aRun('r', { status: 'running' }), params: [], artifacts: [] };
      case 'p/runs/r/metrics':
        return { items: [] };
      case 'p/diff':
        return { base: checkpoint, other: checkpoint, diff: { base: 'a', other: 'b' } };
      default:
        return { checkpoint, execution: null, outputs: [], modules: {}, left_out: [], run: null };
    }
  }
}

/** Everything that follows a project, on screen at once. */
async function show(server: Server) {
  const events = { stream: new Signal<object, object>({}) };
  const connectionFailure = new Signal<object, Error>({});
  const client = new Client(server.settings);
  const contents = { fileChanged: new Signal<object, object>({}) };
  const manager = { contents, events, connectionFailure } as unknown as ServiceManager.IManager;
  const projects = new Projects(client, manager);
  const kernels = new FakeKernels();
  const trans = nullTranslator.load('');
  const services = { client, projects, kernels, trans } as unknown as IServices;
  const open = new FakeNotebooks();
  const opened = new Signal<object, object>({});
  const notebooks = Object.assign(open, {
    widgetAdded: opened,
    filter: () => [],
    find: () => undefined
  });
  const front = new Front(open as never, projects, kernels as never, path => path);
  const timeline = new Timeline(client, front, projects);
  timeline.isShown = true;
  open.show(aPanel('a.ipynb'));
  const runs = new RunsModel(client, projects);
  runs.isShown = true;
  const runSet = new RunSet(client, projects, 'p', ['r']);
  runSet.setShown(true);
  const checkpoint = new CheckpointModel(services, 'p', idOf(1));
  checkpoint.setShown(true);
  const pair = { project: 'p', base: 'a', other: 'b' };
  const compare = new CompareModel(services, notebooks as never, pair);
  await Promise.all([runs.setProject('p'), runSet.refresh(), compare.load()]);
  await jest.advanceTimersByTimeAsync(5000);
  return (project = 'p') => events.stream.emit({ schema_id: SCHEMA_ID, project });
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test.each([
  ['a server that answers', {}],
  ['one whose store is locked', { isBroken: true }],
  ['a notebook without a project', { hasProject: false }]
])('a thousand events in a second are few requests: %s', async (_, state) => {
  const server = Object.assign(new Server(), state);
  const write = await show(server);
  server.asked.length = 0;
  for (let event = 0; event < EVENTS; event++) {
    write();
    await jest.advanceTimersByTimeAsync(1);
  }
  await jest.advanceTimersByTimeAsync(5000);
  const paths = [...new Set(server.asked)];
  expect(paths.length).toBeGreaterThan(3);
  expect(paths.filter(path => server.count(path) > 8)).toEqual([]);
});

test('what is written last is asked for, however much came before', async () => {
  const server = new Server();
  const write = await show(server);
  for (let event = 0; event < EVENTS; event++) {
    write();
    await jest.advanceTimersByTimeAsync(1);
  }
  server.asked.length = 0;
  write();
  await jest.advanceTimersByTimeAsync(5000);
  for (const path of ['checkpoints', 'runs', 'runs/r', `checkpoints/${idOf(1)}`]) {
    expect(server.asked).toContain(`/mlm/projects/p/${path}`);
  }
  server.asked.length = 0;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toEqual([]);
});
