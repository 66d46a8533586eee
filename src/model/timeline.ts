/**
 * What the panel shows: the history of the notebook in front, through a filter, with one entry active and one selected for compare.
 */
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { Client } from '../client';
import type { Checkpoint } from '../schema';
import type { IKernelNews, IProjects } from '../tokens';
import {
  explain,
  findStanding,
  type IEntry,
  type IStanding,
  pathToRoot,
  savingEntry
} from './entries';
import { parseFilter } from './filter';
import { type Front, isTracking } from './front';
import { History, type Question } from './history';

/** The checkpoints of the notebook in front, or of all in its project. */
type Scope = 'notebook' | 'all';

/** What a command is given of an entry. */
export interface ITarget {
  project: string;
  checkpoint: string;
}

/** Typing is waited for so long before the server is asked. */
const PAUSE_MS = 30;

export class Timeline implements IDisposable {
  constructor(
    private readonly client: Pick<Client, 'checkpoints'>,
    readonly front: Front,
    projects: IProjects
  ) {
    front.changed.connect(this.follow, this);
    front.told.connect(this.onTold, this);
    projects.changed.connect(this.onWritten, this);
    this.follow();
  }

  get changed(): ISignal<Timeline, void> {
    return this._changed;
  }

  /** The history of the project of the notebook in front; null while it has none. */
  get history(): History | null {
    return this._history;
  }

  get entries(): readonly IEntry[] {
    return this._history?.entries ?? [];
  }

  /** What stands in the filter box. */
  get typed(): string {
    return this._typed;
  }

  set typed(typed: string) {
    if (typed !== this._typed) {
      this._typed = typed;
      this._changed.emit();
      void this._asker.invoke().catch(() => undefined); // disposed meanwhile
    }
  }

  get scope(): Scope {
    return this._scope;
  }

  set scope(scope: Scope) {
    if (scope !== this._scope) {
      this._scope = scope;
      this._changed.emit();
      this.ask();
    }
  }

  /** The id of the entry that keys and commands act on. */
  get active(): string | null {
    return this._active;
  }

  set active(id: string | null) {
    if (id !== this._active) {
      this._active = id;
      this._changed.emit();
    }
  }

  /** What commands act on that are given nothing: the active entry, once it is stored. */
  get target(): ITarget | null {
    const entry = this.activeEntry;
    return entry && !entry.is_saving && this._history
      ? { project: this._history.project, checkpoint: entry.id }
      : null;
  }

  /** The checkpoint that others are compared with. */
  get reference(): ITarget | null {
    return this._reference;
  }

  set reference(target: ITarget | null) {
    this._reference = target;
    this._changed.emit();
  }

  /** The checkpoint where the kernel of the notebook in front stands; null where it tracks nothing, and so stands nowhere. */
  get current(): string | null {
    return isTracking(this.front.kernel) ? this._standing : null;
  }

  /** The ids from where the kernel stands, or the last one stood, to the root. */
  get path(): ReadonlySet<string> {
    return this._path;
  }

  /** Whether somebody looks: what changes meanwhile is fetched when it is shown. */
  get isShown(): boolean {
    return this._isShown;
  }

  set isShown(isShown: boolean) {
    this._isShown = isShown;
    if (isShown && this._isUnasked) {
      this.ask();
    } else if (isShown) {
      void this.refresh();
    }
  }

  /** The oldest entry in view. */
  shown: string | null = null;

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._asker.dispose();
    this._history?.dispose();
    Signal.clearData(this);
  }

  /** A checkpoint by its id, if it was ever fetched. */
  find = (id: string): Checkpoint | undefined => this._history?.find(id);

  /** Fetch what is new. */
  async refresh(): Promise<void> {
    if (!this._isShown) {
      return;
    }
    if (!this.front.isSettled || (this.front.failure ?? this._history?.failure)) {
      await this.front.look();
    }
    await this._history?.refresh(this.shown);
  }

  /** Fetch all that is loaded again. */
  async reload(): Promise<void> {
    await this.front.look();
    await this._history?.reload();
  }

  private follow(): void {
    const { panel, project, kernel } = this.front;
    if (panel !== this._panel) {
      this._panel = panel;
      this._told = null;
    }
    if (project?.id !== this._history?.project) {
      this._history?.dispose();
      this._history = project === null ? null : new History(this.client, project.id);
      this._history?.changed.connect(this.onChanged, this);
      this.leave();
      this.ask();
    } else if (this._asked.notebook !== this.questionNotebook) {
      this.ask();
    }
    if (kernel === 'dead' || kernel === 'none') {
      this._history?.forgetSaving();
    }
    this._changed.emit();
  }

  /** The active entry where it is listed: each command asks for it, and thousands may be listed. */
  private get activeEntry(): IEntry | undefined {
    const { entries, _active: id } = this;
    if (entries !== this._looked.entries || id !== this._looked.id) {
      this._looked = { entries, id, entry: entries.find(one => one.id === id) };
    }
    return this._looked.entry;
  }

  /** Another history is shown; what the kernel said of where it stands may have come before it was found. */
  private leave(): void {
    this._standing = null;
    this._path = new Set();
    this._active = null;
    this._reference = null;
    this.shown = null;
  }

  /** Ask what is wanted now, once somebody looks. */
  private ask(): void {
    this._isUnasked = !this._isShown;
    if (this._isShown && this._history !== null) {
      this._asked = { ...parseFilter(this._typed), notebook: this.questionNotebook };
      void this._history.ask(this._asked);
    }
  }

  private get questionNotebook(): string | undefined {
    return this._scope === 'all' ? undefined : (this.front.project?.notebook ?? undefined);
  }

  private onTold(_: Front, news: IKernelNews): void {
    const isSaving = this.entries.some(entry => entry.is_saving && entry.id === this._told?.id);
    if (news.status?.current && (news.report || !isSaving)) {
      // a status knows of what is stored alone
      this._told = { id: news.status.current, newest: null };
    }
    if (news.saving) {
      const parent = this._standing === null ? undefined : this.findEntry(this._standing);
      const notebook = this.front.project?.notebook ?? null;
      this._told = { id: news.saving.id, newest: news.saving.id };
      this._history?.addSaving(savingEntry(news.saving, parent, notebook));
    }
    this.stand();
    this._changed.emit();
  }

  private onWritten(_: IProjects, project: string): void {
    if (project === this._history?.project) {
      void this.refresh();
    }
  }

  private onChanged(): void {
    this.stand();
    this._changed.emit();
  }

  /** Find where the kernel stands; through a filter, or from an answer to another question, nothing new is learnt of that. */
  private stand(): void {
    const notebook = this.front.project?.notebook ?? null;
    const isWhole = this._history !== null && this._history.isReady && !this._history.isFiltered;
    this._told = this._told && explain(this._told, this.entries, isWhole);
    const items = isWhole ? this.entries : [];
    this._standing = findStanding(items, this._told, notebook) ?? this._standing;
    this._path = pathToRoot(this._standing, id => this.findEntry(id));
  }

  /** What is saved stands on top of what is stored. */
  private findEntry(id: string): IEntry | undefined {
    return this.find(id) ?? this.entries.find(entry => entry.is_saving && entry.id === id);
  }

  private _history: History | null = null;
  private _typed = '';
  private _scope: Scope = 'notebook';
  private _active: string | null = null;
  /** Where the active entry was looked for last, and what was found. */
  private _looked: { entries: readonly IEntry[]; id: string | null; entry?: IEntry } = {
    entries: [],
    id: null
  };
  private _reference: ITarget | null = null;
  /** What the kernel of the notebook in front said last of where it stands. */
  private _told: IStanding | null = null;
  private _panel: Front['panel'] = null;
  private _standing: string | null = null;
  private _path: ReadonlySet<string> = new Set();
  private _isShown = false;
  /** Whether the question is still to be asked, for nobody looked. */
  private _isUnasked = true;
  private _isDisposed = false;
  private _asked: Question = {};
  private readonly _asker = new Debouncer<void, void>(() => this.ask(), PAUSE_MS);
  private readonly _changed = new Signal<Timeline, void>(this);
}
