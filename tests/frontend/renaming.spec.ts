/**
 * A notebook that gets another name is shown the history it has, by whichever name that goes.
 */
import type { ServiceManager } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { Front } from '../../src/model/front';
import { Projects, SCHEMA_ID } from '../../src/model/projects';
import { Timeline } from '../../src/model/timeline';
import { aChain, aPanel, FakeKernels, FakeNotebooks, FakeStore, settle } from './history.data';

/** A project in the server's root folder, with all its checkpoints by one name, and a page that looks at it. */
class Stage {
  readonly store = new FakeStore(aChain(3));
  readonly fileChanged = new Signal<object, object>({});
  readonly stream = new Signal<object, object>({});
  readonly notebooks = new FakeNotebooks();
  readonly panel = aPanel('a.ipynb');
  readonly projects: Projects;
  readonly front: Front;
  readonly timeline: Timeline;
  /** How many entries were listed, whenever that changed. */
  readonly counts: number[] = [];

  constructor() {
    const client = {
      unreachable: new Signal<object, void>({}),
      projects: async (notebook = '') => ({ items: [{ id: 'p', notebook }] }),
      checkpoints: this.store.checkpoints.bind(this.store)
    };
    const services = {
      events: { stream: this.stream },
      connectionFailure: new Signal<object, Error>({}),
      contents: {
        fileChanged: this.fileChanged,
        localPath: (path: string) => path.replace('RTC:', '')
      }
    };
    this.projects = new Projects(client as never, services as unknown as ServiceManager.IManager);
    const { notebooks, projects } = this;
    this.front = new Front(notebooks as never, projects, new FakeKernels() as never, path => path);
    this.timeline = new Timeline(this.store, this.front, projects);
    this.timeline.changed.connect(({ entries }) => {
      if (entries.length !== this.counts[this.counts.length - 1]) {
        this.counts.push(entries.length);
      }
    });
    this.timeline.isShown = true;
    this.notebooks.show(this.panel);
  }

  rename(from: string, to: string): void {
    this.fileChanged.emit({ type: 'rename', oldValue: { path: from }, newValue: { path: to } });
  }

  /** Rename the notebook that is shown. */
  renameShown(to: string): void {
    this.rename(this.panel.context.path, to);
    this.panel.context.path = to;
    this.panel.context.pathChanged.emit(to);
  }

  /** The kernel follows; what it has written is heard of. */
  async move(to: string): Promise<void> {
    this.store.items = this.store.items.map(item => ({ ...item, notebook: to }));
    this.stream.emit({ schema_id: SCHEMA_ID, project: 'p' });
    await jest.advanceTimersByTimeAsync(300);
  }
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('its history stays in view until the kernel follows, early or late', async () => {
  const stage = new Stage();
  await settle();
  stage.renameShown('b.ipynb');
  await settle();
  expect(stage.front.project).toMatchObject({ notebook: 'a.ipynb', is_former: true });
  await stage.move('b.ipynb');
  expect(stage.front.project).toEqual({ id: 'p', notebook: 'b.ipynb' });
  stage.renameShown('c.ipynb');
  await stage.move('c.ipynb'); // before the page has looked
  expect(stage.front.project).toEqual({ id: 'p', notebook: 'c.ipynb' });
  expect(stage.timeline.history?.question.notebook).toBe('c.ipynb');
  expect(stage.counts).toEqual([0, 3]); // never a gap
});

test('it is found by any name it had, in folders that were renamed, on another drive', async () => {
  const stage = new Stage();
  stage.rename('RTC:a.ipynb', 'RTC:old/b.ipynb');
  stage.rename('old', 'deep/new');
  stage.rename('deep/new/b.ipynb', 'deep/new/c.ipynb');
  stage.rename('deep/ne', 'other');
  for (const name of ['a.ipynb', 'old/b.ipynb', 'deep/new/b.ipynb']) {
    await stage.move(name);
    const found = await stage.projects.find('deep/new/c.ipynb');
    expect(found).toEqual({ id: 'p', notebook: name, is_former: true });
  }
  await stage.move('gone.ipynb');
  const found = await stage.projects.find('deep/new/c.ipynb');
  expect(found).toEqual({ id: 'p', notebook: 'deep/new/c.ipynb' });
});

test('a notebook that never had another name has no other history', async () => {
  const stage = new Stage();
  stage.rename('a.ipynb', 'b.ipynb');
  stage.fileChanged.emit({ type: 'save', oldValue: null, newValue: { path: 'copy.ipynb' } });
  expect(await stage.projects.find('copy.ipynb')).toEqual({ id: 'p', notebook: 'copy.ipynb' });
});
