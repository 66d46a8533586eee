/**
 * The item in the status bar: what it says of the notebook in front, and how little it asks for that.
 */
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { addStatusItem } from '../../src/kernel/statusbar';
import { States } from '../../src/kernel/states';
import { Front } from '../../src/model/front';
import type { IContext, IKernelNews } from '../../src/tokens';
import {
  aChain,
  aCheckpoint,
  aPanel,
  FakeKernels,
  FakeNotebooks,
  FakeProjects,
  FakeStore,
  idOf
} from './history.data';

const AWHILE = 1000;

class Stage {
  constructor() {
    const { notebooks, projects, kernels, store } = this;
    kernels.answer = 'tracking';
    const open = { ...notebooks, forEach: () => undefined, widgetAdded: new Signal({}) };
    const states = new States(kernels as never, open as never);
    const context = {
      notebooks,
      front: new Front(notebooks as never, projects, kernels as never, path => path),
      statusBar: {
        registerStatusItem: (_: string, { item }: { item: Widget }) => (this.item = item)
      },
      services: {
        client: store,
        projects,
        commands: new CommandRegistry(),
        settings: Promise.resolve(null),
        trans: nullTranslator.load('mlm_jupyter')
      }
    } as unknown as IContext;
    addStatusItem(context, states);
    Widget.attach(this.item, document.body);
  }

  /** Put a notebook in front whose kernel tracks. */
  async open(path: string, project: string): Promise<void> {
    const panel = aPanel(path);
    this.projects.add(path, project);
    this.notebooks.show(panel);
    const status = { state: 'tracking', run: `run of ${path}` };
    this.kernels.changed.emit({ panel, status } as unknown as IKernelNews);
    await this.rest();
  }

  /** The kernel of the notebook in front says something. */
  async say(news: object): Promise<void> {
    this.kernels.changed.emit({ panel: this.notebooks.currentWidget, ...news } as never);
    await this.rest();
  }

  async write(project: string): Promise<void> {
    this.projects.changed.emit(project);
    await this.rest();
  }

  rest(): Promise<void> {
    return jest.advanceTimersByTimeAsync(AWHILE);
  }

  get text(): string | null {
    return this.item.node.textContent;
  }

  readonly notebooks = new FakeNotebooks();
  readonly projects = new FakeProjects();
  readonly kernels = new FakeKernels();
  readonly store = new FakeStore(aChain(3));
  private item!: Widget;
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('what is written to its project is asked for once; what is written to another, not at all', async () => {
  const stage = new Stage();
  const { store, projects } = stage;
  await stage.open('a.ipynb', 'p');
  expect(stage.text).toBe('run of a.ipynb · #3');

  const find = jest.spyOn(projects, 'find');
  store.asked.splice(0);
  store.items.push(aCheckpoint(4));
  await stage.write('p');
  expect(stage.text).toBe('run of a.ipynb · #4');
  expect(store.asked).toEqual([{ notebook: 'a.ipynb', limit: 20 }]);
  await stage.write('other');
  expect(store.asked).toHaveLength(1);
  expect(find).not.toHaveBeenCalled();
});

test('another notebook in front is not given the checkpoint of the one before', async () => {
  const stage = new Stage();
  await stage.open('a.ipynb', 'p');
  await stage.open('b.ipynb', 'p');
  expect(stage.text).toBe('run of b.ipynb');
  stage.store.items.push(aCheckpoint(9, { notebook: 'b.ipynb', name: 'mine' }));
  await stage.write('p');
  expect(stage.text).toBe('run of b.ipynb · mine');
});

test('a kernel that was put back is told where it stands, also by name, until it goes on from there', async () => {
  const stage = new Stage();
  const { store } = stage;
  store.items[1] = aCheckpoint(2, { name: 'best' });
  await stage.open('a.ipynb', 'p');
  const status = { state: 'tracking', run: 'r' };
  await stage.say({ report: {}, status: { ...status, current: idOf(1) } });
  expect(stage.text).toBe('r · #1');
  store.items.push(aCheckpoint(4, { kind: 'save', parent_id: idOf(3) }));
  await stage.write('p');
  expect(stage.text).toBe('r · #1');
  await stage.say({ report: {}, status: { ...status, current: 'best' } });
  expect(stage.text).toBe('r · best');

  await stage.say({ saving: { id: idOf(5) } });
  await stage.say({ status: { ...status, run: 'next', current: 'best' } }); // of what is stored
  expect(stage.text).toBe('next · best');
  store.items.push(aCheckpoint(5, { parent_id: idOf(2) }));
  await stage.write('p');
  expect(stage.text).toBe('next · #5');
  store.items.push(aCheckpoint(6));
  await stage.write('p');
  expect(stage.text).toBe('next · #6');
});
