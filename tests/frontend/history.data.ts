/**
 * A store of checkpoints in memory that answers as the server does, and notebooks and kernels to show it for.
 */
import { Signal } from '@lumino/signaling';

import { ClientError, type ICheckpointQuery } from '../../src/client';
import type { Checkpoint, CheckpointPage, ProjectInfo } from '../../src/schema';
import type { IKernelNews, KernelState } from '../../src/tokens';

/** Ids of the length and order of real ones. */
export const idOf = (time: number): string => `0t${time.toString(36).padStart(12, '0')}`;

export function aCheckpoint(time: number, change: Partial<Checkpoint> = {}): Checkpoint {
  return {
    id: idOf(time),
    digest: 'd',
    kind: 'cell',
    created_at: time,
    session_id: 's',
    ordinal: time,
    parent_id: time > 1 ? idOf(time - 1) : null,
    run_id: null,
    notebook: 'a.ipynb',
    name: null,
    note: null,
    cell_id: 'c',
    execution_count: time,
    source: `x = ${time}`,
    status: 'ok',
    duration_ms: 5,
    changes: { added: [], changed: ['x'], removed: [], between: [] },
    metrics: {},
    is_dropped: false,
    ...change
  };
}

/** Checkpoints 1 to `count`, each the parent of the next. */
export function aChain(count: number): Checkpoint[] {
  return Array.from({ length: count }, (_, at) => aCheckpoint(at + 1));
}

export class FakeStore {
  constructor(public items: Checkpoint[] = []) {}

  /** What was asked, in order. */
  readonly asked: ICheckpointQuery[] = [];
  failure: ClientError | null = null;
  /** What answers wait for. */
  gate: Promise<void> = Promise.resolve();

  /** What is stored, newest first. */
  get newestFirst(): Checkpoint[] {
    return [...this.items].sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  async checkpoints(_: string, query: ICheckpointQuery = {}): Promise<CheckpointPage> {
    this.asked.push(query);
    await this.gate;
    if (this.failure) {
      throw this.failure;
    }
    const found = this.newestFirst.filter(
      item =>
        (query.notebook === undefined || item.notebook === query.notebook) &&
        (query.status === undefined || item.status === query.status) &&
        (query.text === undefined || item.source?.includes(query.text)) &&
        (query.variable === undefined || item.changes.changed.includes(query.variable))
    );
    const rest = found.filter(item => query.cursor === undefined || item.id < query.cursor);
    const items = rest.slice(0, query.limit ?? 100);
    const cursor = rest.length > items.length ? items[items.length - 1].id : null;
    return { items, cursor, total: found.length };
  }
}

/** A notebook's panel, as far as the model looks at it. */
export function aPanel(path: string): FakePanel {
  const context = { path, pathChanged: new Signal<object, string>({}) };
  return { context, isDisposed: false };
}

interface FakePanel {
  context: { path: string; pathChanged: Signal<object, string> };
  isDisposed: boolean;
}

export class FakeNotebooks {
  currentWidget: FakePanel | null = null;
  readonly currentChanged = new Signal<this, FakePanel | null>(this);

  show(panel: FakePanel | null): void {
    this.currentWidget = panel;
    this.currentChanged.emit(panel);
  }
}

export class FakeProjects {
  readonly changed = new Signal<this, string>(this);
  failure: ClientError | null = null;
  readonly of = new Map<string, ProjectInfo>();

  add(path: string, id = 'p'): void {
    this.of.set(path, { id, name: id, folder: '', notebook: path, is_writable: true });
  }

  async find(path: string): Promise<ProjectInfo | null> {
    if (this.failure) {
      throw this.failure;
    }
    return this.of.get(path) ?? null;
  }
}

export class FakeKernels {
  readonly changed = new Signal<this, IKernelNews>(this);
  answer: KernelState = 'off';
  ask = jest.fn().mockResolvedValue(undefined);

  async state(): Promise<KernelState> {
    return this.answer;
  }
}

/** Let everything that is answered be taken in. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) {
    await Promise.resolve();
  }
}
