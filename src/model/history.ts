/**
 * The checkpoints of a project that were asked for: fetched page by page, kept up to date, the graph that joins them.
 */
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { type Client, ClientError, type ICheckpointQuery } from '../client';
import type { Checkpoint, CheckpointPage } from '../schema';
import { type IEntry, isStored } from './entries';
import { EMPTY_GRAPH, extendGraph, type IGraph } from './graph';
import { Pages } from './pages';

const PAGE = 200;
/** As many as the server gives at once. */
const MOST = 1000;
/** A live refresh asks for few at first: mostly one is new. */
const NEWEST = 20;

/** While something is written all the time, the server rests so long between two refreshes. */
const REST_MS = 200;

/** Which checkpoints are asked for; pages are the history's own business. */
export type Question = Omit<ICheckpointQuery, 'cursor' | 'limit'>;

export class History implements IDisposable {
  constructor(
    private readonly client: Pick<Client, 'checkpoints'>,
    readonly project: string
  ) {}

  /** Newest first: what is being saved, then what is stored. */
  get entries(): readonly IEntry[] {
    return this._entries;
  }

  /** The lines that join the entries; none where some are left out by a filter. */
  get graph(): IGraph {
    return this._graph;
  }

  /** How many there are, loaded or not. */
  get total(): number {
    return this._pages.total + this._entries.length - this._pages.items.length;
  }

  /** Whether the answer to the question asked last is there. */
  get isReady(): boolean {
    return this._isReady;
  }

  /** Whether everything is loaded. */
  get isComplete(): boolean {
    return this._isReady && this._pages.cursor === null;
  }

  /** Why the last request failed; null when it did not. */
  get failure(): ClientError | null {
    return this._failure;
  }

  get question(): Question {
    return this._question;
  }

  /** Whether entries are left out by more than their notebook. */
  get isFiltered(): boolean {
    return Object.entries(this._question).some(
      ([field, value]) => field !== 'notebook' && value !== undefined
    );
  }

  get changed(): ISignal<History, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  /** A checkpoint by its id, if it was ever fetched. */
  find(id: string): Checkpoint | undefined {
    return this._known.get(id);
  }

  /** Ask something else; what is shown stays until the answer is there. */
  async ask(question: Question): Promise<void> {
    this._question = question;
    this._isReady = false;
    this._turn += 1;
    this._changed.emit();
    this._asking = this.fetch({ limit: PAGE }, page => {
      this._pages.clear();
      this.put(page, null);
      this._isReady = true;
    });
    await this._asking;
  }

  /** Fetch the next page, if there is one. */
  more(limit = PAGE): Promise<void> {
    this._fetchingMore ??= this.fetchMore(limit).finally(() => (this._fetchingMore = null));
    return this._fetchingMore;
  }

  /** Fetch all there is. */
  async all(): Promise<void> {
    while (this._isReady && this._pages.cursor !== null && !this._failure && !this._isDisposed) {
      await this.more(MOST);
    }
  }

  /**
   * Fetch what is new, and again the page on which an entry is shown, for names and notes change.
   *
   * Many calls while one is under way are one more.
   */
  async refresh(shown: string | null = null): Promise<void> {
    await this._asking;
    if (!this._isReady) {
      return this.ask(this._question);
    }
    this._isStale = true;
    if (this._isRefreshing) {
      return;
    }
    this._isRefreshing = true;
    while (this._isStale && !this._isDisposed) {
      this._isStale = false;
      await this.fetchNewest();
      await this.fetchShown(shown);
      if (this._isStale) {
        await new Promise(resolve => setTimeout(resolve, REST_MS));
      }
    }
    this._isRefreshing = false;
  }

  /** Fetch again all that is loaded. */
  async reload(): Promise<void> {
    if (!this._isReady) {
      return this.ask(this._question);
    }
    const oldest = this._pages.items[this._pages.items.length - 1]?.id ?? '';
    let before: string | null = null;
    let cursor: string | null = null;
    do {
      const page = await this.fetch({ cursor: cursor ?? undefined, limit: PAGE }, page => {
        this.put(page, before);
      });
      before = page?.items[page.items.length - 1]?.id ?? null;
      cursor = page?.cursor ?? null;
    } while (cursor !== null && before !== null && before > oldest);
  }

  /** Show a checkpoint that is made and not stored yet, until it is. */
  addSaving(entry: IEntry): void {
    this._saving = [entry, ...this._saving.filter(saving => saving.id !== entry.id)];
    this.arrange();
    this._changed.emit();
  }

  /** What was being saved will not be: its kernel is gone. */
  forgetSaving(): void {
    if (this._saving.length > 0) {
      this._saving = [];
      this.arrange();
      this._changed.emit();
    }
  }

  private async fetchMore(limit: number): Promise<void> {
    const cursor = this._pages.cursor;
    if (!this._isReady || cursor === null) {
      return;
    }
    const before = this._pages.items[this._pages.items.length - 1]?.id ?? null;
    await this.fetch({ cursor, limit }, page => {
      this.put(page, before);
    });
  }

  /** Fetch from the top down to what is known; where too much is between, begin anew. What was deleted shows in the total. */
  private async fetchNewest(): Promise<void> {
    let isReached = false;
    let isCounted = false;
    for (const limit of [NEWEST, PAGE]) {
      const page = await this.fetch({ limit }, page => {
        isReached = this._pages.isReachedBy(page);
        if (isReached || limit === PAGE) {
          isCounted = this._pages.isCountedBy(page);
          this._pages.isMiscounted = false;
          if (!isReached) {
            this._pages.clear();
          }
          this.put(page, null);
        }
      });
      if (page === null || isReached) {
        break;
      }
    }
    if (isReached && !isCounted) {
      await this.reload();
    }
  }

  /** Fetch again what is from the page boundary above an entry down to it, where the newest do not reach it. */
  private async fetchShown(shown: string | null): Promise<void> {
    const at = this._pages.items.findIndex(item => item.id === shown);
    if (shown === null || at < NEWEST) {
      return;
    }
    const from = this._pages.boundaryAbove(shown);
    const above = from ? this._pages.items.findIndex(item => item.id <= from.id) : -1;
    const limit = Math.min(at - above, MOST);
    await this.fetch({ cursor: from?.cursor, limit }, page => {
      this.put(page, from?.id ?? null);
    });
  }

  /** Make a request of this question; a late answer to another one is dropped. */
  private async fetch(
    query: Pick<ICheckpointQuery, 'cursor' | 'limit'>,
    use: (page: CheckpointPage) => void
  ): Promise<CheckpointPage | null> {
    const turn = this._turn;
    try {
      const page = await this.client.checkpoints(this.project, { ...this._question, ...query });
      if (turn !== this._turn || this._isDisposed) {
        return null;
      }
      this._failure = null;
      use(page);
      this.arrange();
      this._changed.emit();
      return page;
    } catch (error) {
      if (turn === this._turn && !this._isDisposed) {
        this._failure =
          error instanceof ClientError ? error : new ClientError('failed', String(error));
        this._changed.emit();
      }
      return null;
    }
  }

  private put(page: CheckpointPage, before: string | null): void {
    this._pages.put(page, before);
    page.items.forEach(item => this._known.set(item.id, item));
  }

  /** Put saving and stored entries together and draw their graph, only what is new below where nothing changed above. */
  private arrange(): void {
    this._saving = this._saving.filter(saving => !isStored(saving, this._pages.items));
    const before = this._entries;
    this._entries = this.isFiltered ? this._pages.items : [...this._saving, ...this._pages.items];
    if (this.isFiltered) {
      this._graph = EMPTY_GRAPH;
      return;
    }
    const isLonger = this._graph.rows.length === before.length && startsWith(this._entries, before);
    this._graph = isLonger
      ? extendGraph(this._graph, this._entries.slice(before.length))
      : extendGraph(EMPTY_GRAPH, this._entries);
  }

  private _question: Question = {};
  private _turn = 0;
  private _asking: Promise<unknown> = Promise.resolve();
  private readonly _pages = new Pages<Checkpoint>();
  private _saving: IEntry[] = [];
  private _entries: readonly IEntry[] = [];
  private _graph = EMPTY_GRAPH;
  private _isReady = false;
  private _fetchingMore: Promise<void> | null = null;
  private _isRefreshing = false;
  private _isStale = false;
  private _isDisposed = false;
  private _failure: ClientError | null = null;
  private readonly _known = new Map<string, Checkpoint>();
  private readonly _changed = new Signal<History, void>(this);
}

function startsWith(entries: readonly IEntry[], start: readonly IEntry[]): boolean {
  return (
    start.length <= entries.length &&
    start.every(
      ({ id, parent_id }, at) => entries[at].id === id && entries[at].parent_id === parent_id
    )
  );
}
