/**
 * One checkpoint as it is shown: what is known of it, loaded when it is looked at, and asked for again when something changed.
 */
import { JSONExt, type PartialJSONValue } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { ClientError } from '../../client';
import { Follower } from '../../model/follower';
import type { Checkpoint, CheckpointDetail, Variable } from '../../schema';
import type { IServices } from '../../tokens';
import { type INotebook, readNotebook } from './document';

/** Something that is asked for: what came last stays when a later answer does not come. */
export interface ILoaded<T> {
  value: T | null;
  failure: ClientError | null;
}

/** A project can be written to a thousand times a second; a view need not follow each. */
const REFRESH_MS = 500;

export class CheckpointModel implements IDisposable {
  /**
   * @param project - the id of the project
   * @param ref - what the checkpoint was asked for by: its id, or any other reference
   * @param home - a path in the project, by which a server that has not met the project yet can find it
   */
  constructor(
    private readonly services: Pick<IServices, 'client' | 'projects'>,
    readonly project: string,
    readonly ref: string,
    readonly home: string | null = null
  ) {
    if (home !== null) {
      services.client.remember(project, home);
    }
    this._follower = new Follower(
      services.projects,
      () => project,
      () => this.refresh(),
      REFRESH_MS
    );
    void this._follower.ask();
  }

  detail: ILoaded<CheckpointDetail> = { value: null, failure: null };
  variables: ILoaded<Variable[]> = { value: null, failure: null };
  notebook: ILoaded<INotebook> = { value: null, failure: null };
  parent: Checkpoint | null = null;

  get checkpoint(): Checkpoint | null {
    return this.detail.value?.checkpoint ?? null;
  }

  /** The id, as soon as it is known. */
  get id(): string {
    return this.checkpoint?.id ?? this.ref;
  }

  /** It was there and is no more. */
  get isGone(): boolean {
    return this.detail.failure?.code === 'not_found';
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._follower.dispose();
      Signal.clearData(this);
    }
  }

  /** Say whether it is on screen: only then it follows changes. */
  setShown(isShown: boolean): void {
    this._follower.isShown = isShown;
  }

  /** Ask for what is not immutable; and again for what did not come. */
  async refresh(): Promise<void> {
    const before = this.detail.value;
    this.detail = await load(before, () => this.fetchDetail(before));
    this.tell();
    await Promise.all([
      this.findParent(),
      this.variables.failure && this.loadVariables(),
      this.notebook.failure && this.loadNotebook()
    ]);
  }

  /** Ask for the variables, once. */
  async loadVariables(): Promise<void> {
    await this.once('variables', async () => {
      const { items } = await this.services.client.variables(this.project, this.id);
      return items;
    });
  }

  /** Ask for the notebook as it was, once. */
  async loadNotebook(): Promise<void> {
    await this.once('notebook', async () =>
      readNotebook(await this.services.client.notebook(this.project, this.id))
    );
  }

  private async once<K extends 'variables' | 'notebook'>(
    key: K,
    ask: () => Promise<NonNullable<this[K]['value']>>
  ): Promise<void> {
    if (this[key].value !== null || this._asked.has(key)) {
      return;
    }
    this._asked.add(key);
    this[key] = (await load(null, ask)) as this[K];
    this._asked.delete(key);
    this.tell();
  }

  private async fetchDetail(before: CheckpointDetail | null): Promise<CheckpointDetail> {
    const detail = await this.services.client.checkpoint(this.project, this.id);
    if (!before) {
      return detail;
    }
    // What never changes stays the same object, and so do outputs that no late one was added to: they are not drawn anew.
    const { execution, modules } = before;
    const environment = before.environment ?? detail.environment;
    const outputs = areSame(before.outputs, detail.outputs) ? before.outputs : detail.outputs;
    return { ...detail, execution, environment, modules, outputs };
  }

  private async findParent(): Promise<void> {
    const id = this.checkpoint?.parent_id ?? null;
    if (id === (this.parent?.id ?? null)) {
      return;
    }
    const found = id && (await load(null, () => this.services.client.checkpoint(this.project, id)));
    this.parent = (found && found.value?.checkpoint) || null;
    this.tell();
  }

  private tell(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _isDisposed = false;
  private readonly _asked = new Set<string>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _follower: Follower;
}

async function load<T>(before: T | null, ask: () => Promise<T>): Promise<ILoaded<T>> {
  try {
    return { value: await ask(), failure: null };
  } catch (error) {
    const failure =
      error instanceof ClientError ? error : new ClientError('error', (error as Error).message);
    return { value: before, failure };
  }
}

function areSame(before: unknown, after: unknown): boolean {
  return JSONExt.deepEqual(before as PartialJSONValue, after as PartialJSONValue);
}
