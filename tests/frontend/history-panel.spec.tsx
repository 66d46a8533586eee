/**
 * What the panel shows, from which notebook is in front to what a row says, and what keys and commands do with it.
 */
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';

import { ClientError } from '../../src/client';
import { Front } from '../../src/model/front';
import { Timeline } from '../../src/model/timeline';
import { addHistoryCommands } from '../../src/panels/history/commands';
import { rowHeight } from '../../src/panels/history/row';
import { HistoryView } from '../../src/panels/history/view';
import { CommandIDs, type IKernelNews } from '../../src/tokens';
import {
  aChain,
  aCheckpoint,
  aPanel,
  FakeKernels,
  FakeNotebooks,
  FakeProjects,
  FakeStore,
  idOf,
  settle
} from './history.data';

const trans = nullTranslator.load('mlm_jupyter');

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

/** jsdom lays nothing out: the list is told that it is as high as a panel. */
beforeAll(() => {
  Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, value: 600 });
  Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { configurable: true, value: 240 });
  HTMLElement.prototype.scrollTo ??= () => undefined;
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  } as unknown as typeof ResizeObserver;
});

class Stage {
  constructor(readonly store = new FakeStore(aChain(3))) {
    const { notebooks, projects, kernels } = this;
    this.front = new Front(notebooks as never, projects as never, kernels as never, path =>
      path.replace('RTC:', '')
    );
    this.timeline = new Timeline(store, this.front, projects as never);
    this.timeline.isShown = true;
    addHistoryCommands({
      commands: this.commands,
      palette: null,
      timeline: this.timeline,
      trans,
      show: where => this.shown.push(where)
    });
    for (const command of [
      CommandIDs.openCheckpoint,
      CommandIDs.compare,
      CommandIDs.track,
      CommandIDs.remove
    ]) {
      this.commands.addCommand(command, {
        label: command,
        execute: args => this.executed.push([command, args])
      });
    }
  }

  /** Put a notebook in front. */
  async open(path = 'a.ipynb', isKnown = true): Promise<ReturnType<typeof aPanel>> {
    if (isKnown) {
      this.projects.add(path.replace('RTC:', ''));
    }
    const panel = aPanel(path);
    await this.during(() => this.notebooks.show(panel));
    return panel;
  }

  async during(change: () => unknown): Promise<void> {
    await React.act(async () => {
      await change();
      await settle();
    });
  }

  async draw(): Promise<void> {
    document.body.appendChild(this.node);
    await React.act(async () => {
      this.root = createRoot(this.node);
      this.root.render(
        <HistoryView timeline={this.timeline} commands={this.commands} trans={trans} />
      );
      await settle();
    });
  }

  close(): void {
    React.act(() => this.root?.unmount());
    this.timeline.dispose();
    this.front.dispose();
    this.node.remove();
  }

  get rows(): HTMLElement[] {
    return [...this.node.querySelectorAll<HTMLElement>('[role="option"]')];
  }

  get list(): HTMLElement {
    return this.node.querySelector<HTMLElement>('[role="listbox"]') as HTMLElement;
  }

  press(key: string): Promise<void> {
    return this.during(() =>
      this.list.dispatchEvent(
        new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
      )
    );
  }

  readonly notebooks = new FakeNotebooks();
  readonly projects = new FakeProjects();
  readonly kernels = new FakeKernels();
  readonly commands = new CommandRegistry();
  readonly executed: [string, unknown][] = [];
  readonly shown: string[] = [];
  readonly front: Front;
  readonly timeline: Timeline;
  readonly node = document.createElement('div');
  private root: Root | null = null;
}

let stage: Stage;
afterEach(() => stage.close());

test('each state says what to do', async () => {
  stage = new Stage(new FakeStore());
  await stage.draw();
  expect(stage.node.textContent).toContain('Open a notebook');

  stage.kernels.answer = 'without-package';
  const panel = await stage.open('a.ipynb', false);
  expect(stage.node.textContent).toContain('%pip install mlm_jupyter');
  expect(stage.node.querySelector('button')?.textContent).toContain('Copy');

  stage.kernels.answer = 'off';
  await stage.during(() => stage.kernels.changed.emit({ panel: panel as never }));
  expect(stage.node.textContent).toContain('%mlm_track');
  const start = [...stage.node.querySelectorAll('button')].find(button =>
    button.textContent?.includes('Start tracking')
  );
  await stage.during(() => start?.click());
  expect(stage.executed).toEqual([[CommandIDs.track, {}]]);

  stage.projects.failure = new ClientError(
    'missing',
    'The server half does not answer. Install it.'
  );
  await stage.during(() => stage.commands.execute(CommandIDs.refresh));
  expect(stage.node.querySelector('[role="alert"]')?.textContent).toContain('Install it.');
  stage.projects.failure = null;
  await stage.during(() => stage.node.querySelector<HTMLElement>('[role="alert"] button')?.click());
  expect(stage.node.querySelector('[role="alert"]')).toBeNull();
});

test('a row says all of a checkpoint, also to those who do not see it', async () => {
  stage = new Stage(
    new FakeStore([
      aCheckpoint(1, { metrics: { acc: 0.8 } }),
      aCheckpoint(2, {
        source: '# fit\nmodel.fit(X)',
        status: 'error',
        duration_ms: 1234,
        name: 'best',
        note: 'after lunch',
        metrics: { acc: 0.87 },
        changes: { added: ['model'], changed: ['X'], removed: ['tmp'], between: [] }
      }),
      aCheckpoint(3, { kind: 'save', status: null, source: null, duration_ms: null })
    ])
  );
  stage.kernels.answer = 'tracking';
  await stage.open();
  await stage.draw();
  const [save, second] = stage.rows;
  expect(save.dataset.kind).toBe('save');
  expect(save.textContent).toContain('Saved before a restore');
  expect(second.textContent).toContain('model.fit(X)');
  expect(second.textContent).toContain('▲0.07');
  const label = second.getAttribute('aria-label') as string;
  for (const part of [
    '2: model.fit(X)',
    'named best',
    'failed',
    'took 1.2 s',
    'added model',
    'changed X',
    'removed tmp',
    'acc 0.87, before 0.8',
    'the kernel is here',
    'after lunch'
  ]) {
    expect(label).toContain(part);
  }
  expect(second.style.height).toBe(`${rowHeight(stage.timeline.entries[1], null)}px`);
});

test('of thousands, few rows are drawn; keys move, also to the very first', async () => {
  stage = new Stage(new FakeStore(aChain(1500)));
  await stage.open();
  await stage.draw();
  expect(stage.rows.length).toBeGreaterThan(5);
  expect(stage.rows.length).toBeLessThanOrEqual(60);
  expect(stage.rows[0].getAttribute('aria-setsize')).toBe('1500');

  await stage.during(() => stage.list.focus());
  expect(stage.timeline.active).toBe(idOf(1500));
  await stage.press('ArrowDown');
  await stage.press('ArrowDown');
  await stage.press('ArrowUp');
  expect(stage.timeline.active).toBe(idOf(1499));
  const active = stage.list.getAttribute('aria-activedescendant') as string;
  expect(document.getElementById(active)?.dataset.checkpoint).toBe(idOf(1499));
  await stage.press('End');
  expect(stage.timeline.active).toBe(idOf(1));
  expect(stage.rows.length).toBeLessThanOrEqual(60);
  expect(
    document.getElementById(stage.list.getAttribute('aria-activedescendant') as string)
  ).not.toBeNull();
  await stage.press('Home');
  expect(stage.timeline.active).toBe(idOf(1500));
});

test('a click on a variable shows its history, a double click opens the checkpoint that is there', async () => {
  stage = new Stage();
  await stage.open();
  await stage.draw();
  const name = (): HTMLElement => stage.rows[1].querySelector('.jp-MlmHistory-name')!;
  const click = (type: string): Promise<void> =>
    stage.during(() => void name().dispatchEvent(new MouseEvent(type, { bubbles: true })));
  const pause = (ms: number): Promise<void> =>
    stage.during(() => new Promise(resolve => setTimeout(resolve, ms)));
  await click('mousedown');
  await click('click');
  await pause(200); // as people do
  expect(stage.timeline.typed).toBe('');
  await click('click');
  await click('dblclick');
  await pause(600);
  expect(stage.timeline.typed).toBe('');
  expect(stage.executed).toEqual([
    [CommandIDs.openCheckpoint, { project: 'p', checkpoint: idOf(2) }]
  ]);
  await click('click');
  await pause(600);
  expect(stage.timeline.typed).toBe('var:x');
});

test('commands act on the active entry, or on the one they are given', async () => {
  stage = new Stage();
  await stage.open();
  const { commands, timeline, executed } = stage;
  const open = { command: CommandIDs.openCheckpoint };
  expect(commands.isEnabled(CommandIDs.onEntry, open)).toBe(false);
  timeline.active = idOf(2);
  expect(commands.label(CommandIDs.onEntry, open)).toBe(CommandIDs.openCheckpoint);
  await commands.execute(CommandIDs.onEntry, open);
  expect(executed.pop()).toEqual([open.command, { project: 'p', checkpoint: idOf(2) }]);

  expect(commands.isEnabled(CommandIDs.onEntry, { command: CommandIDs.restore })).toBe(false);
  expect(commands.isEnabled(CommandIDs.onEntry, { command: CommandIDs.openRun })).toBe(false);

  await commands.execute(CommandIDs.selectForCompare);
  expect(timeline.reference?.checkpoint).toBe(idOf(2));
  expect(commands.isEnabled(CommandIDs.compareWithSelected)).toBe(false);
  timeline.active = idOf(3);
  await commands.execute(CommandIDs.compareWithSelected);
  expect(executed.pop()).toEqual([
    CommandIDs.compare,
    { project: 'p', base: idOf(2), other: idOf(3) }
  ]);
  await commands.execute(CommandIDs.compareWithParent, { project: 'p', checkpoint: idOf(2) });
  expect(executed.pop()).toEqual([
    CommandIDs.compare,
    { project: 'p', base: idOf(1), other: idOf(2) }
  ]);
  await commands.execute(CommandIDs.selectForCompare, { project: 'p', checkpoint: idOf(2) });
  expect(timeline.reference).toBeNull();

  await commands.execute(CommandIDs.onEntry, { command: CommandIDs.filter });
  expect(timeline.typed).toBe('cell:c');
  expect(stage.shown).toEqual(['filter']);
});

test('buttons are told of the commands whose state changed, of no others', async () => {
  stage = new Stage();
  const { commands, timeline } = stage;
  const told: (string | undefined)[] = [];
  commands.commandChanged.connect((_, { id }) => told.push(id));
  const toldOf = async (change: () => unknown): Promise<unknown> => {
    await stage.during(change);
    return told.splice(0).sort();
  };

  expect(await toldOf(() => stage.open())).not.toContain(undefined);
  const { compareWithParent, compareWithSelected, copy, onEntry, selectForCompare } = CommandIDs;
  expect(await toldOf(() => (timeline.active = idOf(1)))).toEqual(
    [compareWithParent, copy, onEntry, selectForCompare].sort()
  );
  expect(await toldOf(() => (timeline.active = idOf(2)))).toEqual([]);
  const reference = { project: 'p', checkpoint: idOf(2) };
  expect(await toldOf(() => (timeline.reference = reference))).toEqual([compareWithSelected]);
  expect(await toldOf(() => (timeline.active = idOf(3)))).toEqual([compareWithSelected, onEntry]);
  const restore = (): unknown => commands.addCommand(CommandIDs.restore, { execute: () => null });
  expect(await toldOf(restore)).toEqual([onEntry, CommandIDs.restore]);
});

test('every command says what it is and takes', () => {
  stage = new Stage();
  const own = [
    CommandIDs.showPanel,
    CommandIDs.refresh,
    CommandIDs.filter,
    CommandIDs.selectForCompare,
    CommandIDs.compareWithSelected,
    CommandIDs.compareWithParent,
    CommandIDs.copy,
    CommandIDs.onEntry
  ];
  return Promise.all(
    own.map(async id => {
      expect(stage.commands.label(id)).not.toBe('');
      expect((await stage.commands.describedBy(id)).args).toMatchObject({ type: 'object' });
    })
  );
});

test('a cell that ran is there at once, marked as being saved, and then stored; the kernel stands there', async () => {
  stage = new Stage();
  const panel = await stage.open();
  await stage.draw();
  expect(stage.timeline.current).toBeNull(); // a kernel that tracks nothing stands nowhere
  stage.kernels.answer = 'tracking';
  const saving = { id: idOf(9), source: 'big = load()', cell_id: 'c', created_at: Date.now() };
  await stage.during(() => stage.kernels.changed.emit({ panel: panel as never, saving }));
  expect(stage.rows[0].getAttribute('aria-label')).toContain('saving');
  expect(stage.timeline.current).toBe(idOf(9));
  expect(stage.timeline.target).toBeNull();
  const status = (current: string) =>
    stage.kernels.changed.emit({
      panel: panel as never,
      status: { state: 'tracking', project: null, notebook: null, run: null, current }
    });
  await stage.during(() => status(idOf(3)));
  expect(stage.timeline.current).toBe(idOf(9)); // a status knows of what is stored alone
  stage.store.items.push(aCheckpoint(9, { source: 'big = load()', parent_id: idOf(3) }));
  await stage.during(() => stage.projects.changed.emit('p'));
  expect(stage.rows).toHaveLength(4);
  expect(stage.rows[0].getAttribute('aria-label')).toContain('succeeded');

  await stage.during(() => status(idOf(2)));
  expect(stage.timeline.current).toBe(idOf(2));
  expect([...stage.timeline.path]).toEqual([idOf(2), idOf(1)]);
  stage.store.items.push(aCheckpoint(10, { parent_id: idOf(2) }));
  await stage.during(() => stage.projects.changed.emit('p'));
  expect(stage.timeline.current).toBe(idOf(10));
  expect(stage.timeline.history?.graph.rows.map(row => row.lane)).toEqual([0, 1, 1, 0, 0]);
});

describe('a kernel that was put back stands there', () => {
  const current = (id: string): IKernelNews => ({
    panel: stage.notebooks.currentWidget as never,
    status: { state: 'tracking', project: null, notebook: null, run: null, current: id }
  });
  const said = (id: string): Promise<void> =>
    stage.during(() => stage.kernels.changed.emit(current(id)));

  test('also when it says so before its history is found, in whatever order the answers come', async () => {
    for (const isFirst of [true, false]) {
      stage = new Stage(new FakeStore(aChain(6)));
      stage.kernels.answer = 'tracking';
      let find = (): void => undefined;
      const found = new Promise<void>(resolve => (find = resolve));
      const look = stage.projects.find.bind(stage.projects);
      stage.projects.find = async path => (await found, look(path));
      await stage.open();
      if (isFirst) {
        await said(idOf(2));
      }
      await stage.during(find);
      if (!isFirst) {
        await said(idOf(2));
      }
      expect(stage.timeline.current).toBe(idOf(2)); // not where its old children are
      expect([...stage.timeline.path]).toEqual([idOf(2), idOf(1)]);
      await stage.open('b.ipynb');
      expect(stage.timeline.current).not.toBe(idOf(2)); // that is another kernel
      stage.close();
    }
  });

  test('also where the checkpoint is known by its name', async () => {
    const items = aChain(6).map(item => (item.id === idOf(2) ? { ...item, name: 'best' } : item));
    stage = new Stage(new FakeStore(items));
    stage.kernels.answer = 'tracking';
    await stage.open();
    await said('best');
    expect(stage.timeline.current).toBe(idOf(2));
    stage.store.items.push(aCheckpoint(7, { parent_id: idOf(2) }));
    await stage.during(() => stage.projects.changed.emit('p'));
    expect(stage.timeline.current).toBe(idOf(7));
  });

  test('also when it says so while a filter leaves out its children', async () => {
    const items = aChain(6).map(item => (item.id === idOf(2) ? { ...item, source: 'me()' } : item));
    stage = new Stage(new FakeStore(items));
    stage.kernels.answer = 'tracking';
    await stage.open();
    const type = (typed: string): Promise<void> =>
      stage.during(() => {
        stage.timeline.typed = typed;
        return new Promise(resolve => setTimeout(resolve, 100));
      });
    await type('me');
    expect(stage.timeline.entries).toHaveLength(1);
    await said(idOf(2));
    await type('');
    expect(stage.timeline.entries).toHaveLength(6);
    expect(stage.timeline.current).toBe(idOf(2));
  });
});

test('the filter asks the server, says how many there are, and keeps where the kernel stands', async () => {
  stage = new Stage(
    new FakeStore([...aChain(3), aCheckpoint(4, { status: 'error' }), aCheckpoint(5)])
  );
  stage.kernels.answer = 'tracking';
  await stage.open();
  await stage.draw();
  expect(stage.node.querySelector('[role="status"]')?.textContent).toBe('5 checkpoints');
  await stage.during(() => {
    stage.timeline.typed = 'status:err';
    return new Promise(resolve => setTimeout(resolve, 100));
  });
  expect(stage.store.asked.at(-1)).toMatchObject({ status: 'error', notebook: 'a.ipynb' });
  expect(stage.node.querySelector('[role="status"]')?.textContent).toBe('1 found');
  expect(stage.rows).toHaveLength(1);
  expect(stage.timeline.current).toBe(idOf(5));
});

test('among all notebooks, what is of another than the one in front says of which', async () => {
  const other = { notebook: 'lib/other.ipynb' };
  const quiet = { status: null, duration_ms: null, kind: 'baseline', ...other } as const;
  stage = new Stage(
    new FakeStore([
      ...aChain(2),
      aCheckpoint(3, { ...quiet, changes: { added: [], changed: [], removed: [], between: [] } }),
      aCheckpoint(4, other)
    ])
  );
  await stage.open();
  await stage.draw();
  expect(stage.rows).toHaveLength(2);
  expect(stage.node.textContent).not.toContain('.ipynb');
  await stage.during(() => (stage.timeline.scope = 'all'));
  const said = stage.rows.map(row => row.querySelector('.jp-MlmHistory-notebook')?.textContent);
  expect(said).toEqual(['other.ipynb', 'other.ipynb', undefined, undefined]);
  expect(stage.rows[0].getAttribute('aria-label')).toContain('in lib/other.ipynb');
  const tops = stage.rows.map(row => Number(/\d+/.exec(row.style.transform)?.[0]));
  const heights = stage.rows.map(row => parseInt(row.style.height, 10));
  expect(tops).toEqual(heights.map((_, at) => heights.slice(0, at).reduce((a, b) => a + b, 0)));
});

test('all notebooks are asked for, and this one again under its new name', async () => {
  stage = new Stage();
  const panel = await stage.open('RTC:a.ipynb');
  expect(stage.store.asked.at(-1)?.notebook).toBe('a.ipynb');
  await stage.during(() => (stage.timeline.scope = 'all'));
  expect(stage.store.asked.at(-1)?.notebook).toBeUndefined();
  await stage.during(() => (stage.timeline.scope = 'notebook'));
  stage.projects.add('b.ipynb');
  await stage.during(() => {
    panel.context.path = 'b.ipynb';
    panel.context.pathChanged.emit('b.ipynb');
  });
  expect(stage.store.asked.at(-1)?.notebook).toBe('b.ipynb');
});

test('a project that appears is found: by an event, or after a cell', async () => {
  stage = new Stage();
  const panel = await stage.open('a.ipynb', false);
  expect(stage.timeline.history).toBeNull();
  stage.projects.add('a.ipynb');
  await stage.during(() => stage.projects.changed.emit('p'));
  expect(stage.timeline.entries).toHaveLength(3);

  const other = await stage.open('b.ipynb', false);
  expect(stage.timeline.history).toBeNull();
  stage.projects.add('b.ipynb', 'q');
  await stage.front.onExecuted(panel);
  expect(stage.timeline.history).toBeNull();
  await stage.front.onExecuted(other);
  await settle();
  expect(stage.timeline.history?.project).toBe('q');
});

test('while nobody looks nothing is asked; when shown, what is new is', async () => {
  stage = new Stage();
  stage.timeline.isShown = false;
  await stage.open();
  await stage.during(() => stage.projects.changed.emit('p'));
  expect(stage.store.asked).toHaveLength(0);
  await stage.during(() => (stage.timeline.isShown = true));
  expect(stage.timeline.entries).toHaveLength(3);
  await stage.during(() => (stage.timeline.isShown = false));
  const count = stage.store.asked.length;
  stage.store.items.push(aCheckpoint(4));
  await stage.during(() => stage.projects.changed.emit('p'));
  expect(stage.store.asked).toHaveLength(count);
  await stage.during(() => (stage.timeline.isShown = true));
  expect(stage.timeline.entries).toHaveLength(4);
});
