/**
 * The checkpoints of a project that were asked for: fetched page by page, kept up to date, the graph that joins them.
 */
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { type Client, ClientError, type ICheckpointQuery } from '../client';
import type { Checkpoint, CheckpointPage } from '../schema';
import { type IEntry, isStored } from './entries';
import { EMPTY_GRAPH, extendGraph, type IGraph } from './graph';
import { isReaching, putPage } from './pages';

const PAGE = 200;
/** As many as the server gives at once. */
const MOST = 1000;
/** A live refresh asks for few at first: mostly one is new. */
const NEWEST = 20;

/** Which checkpoints are asked for; pages are the history's own business. */
export type Question = Omit<ICheckpointQuery, 'cursor' | 'limit'>;

interface IBoundary {
  /** The id of the last item of a page. */
  id: string;
  cursor: string;
}

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
    return this._total + this._entries.length - this._items.length;
  }

  /** Whether the answer to the question asked last is there. */
  get isReady(): boolean {
    return this._isReady;
  }

  /** Whether everything is loaded. */
  get isComplete(): boolean {
    return this._isReady && this._cursor === null;
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
      this.clear();
      this.put(page, null);
      this._cursor = page.cursor;
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
    while (this._isReady && this._cursor !== null && !this._failure && !this._isDisposed) {
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
    }
    this._isRefreshing = false;
  }

  /** Fetch again all that is loaded. */
  async reload(): Promise<void> {
    if (!this._isReady) {
      return this.ask(this._question);
    }
    const oldest = this._items[this._items.length - 1]?.id ?? '';
    let before: string | null = null;
    let cursor: string | null = null;
    do {
      const page = await this.fetch({ cursor: cursor ?? undefined, limit: PAGE }, page => {
        this.put(page, before);
        this.settleEnd(page);
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
    const cursor = this._cursor;
    if (!this._isReady || cursor === null) {
      return;
    }
    const before = this._items[this._items.length - 1]?.id ?? null;
    await this.fetch({ cursor, limit }, page => {
      this.put(page, before);
      this._cursor = page.cursor;
    });
  }

  /** Fetch from the top down to what is known; where too much is between, begin anew. What was deleted shows in the total. */
  private async fetchNewest(): Promise<void> {
    let isReached = false;
    let isCounted = false;
    for (const limit of [NEWEST, PAGE]) {
      const page = await this.fetch({ limit }, page => {
        isReached = isReaching(this._items, page.items, page.cursor === null);
        if (isReached || limit === PAGE) {
          isCounted = !this._isMiscounted && this._total + this.countNew(page) === page.total;
          this._isMiscounted = false;
          if (!isReached) {
            this.clear();
          }
          this.put(page, null);
          this.settleEnd(page);
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

  private countNew(page: CheckpointPage): number {
    const newest = this._items[0]?.id ?? '';
    return page.items.filter(item => item.id > newest).length;
  }

  /** Fetch again what is from the page boundary above an entry down to it, where the newest do not reach it. */
  private async fetchShown(shown: string | null): Promise<void> {
    const at = this._items.findIndex(item => item.id === shown);
    if (shown === null || at < NEWEST) {
      return;
    }
    const from = this._boundaries.filter(boundary => boundary.id > shown).pop();
    const above = from ? this._items.findIndex(item => item.id <= from.id) : -1;
    const limit = Math.min(at - above, MOST);
    await this.fetch({ cursor: from?.cursor, limit }, page => {
      this.put(page, from?.id ?? null);
      this.settleEnd(page);
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

  private clear(): void {
    this._items = [];
    this._boundaries = [];
  }

  private put(page: CheckpointPage, before: string | null): void {
    this._isMiscounted ||= before !== null && page.total !== this._total;
    this._items = putPage(this._items, page.items, before, page.cursor === null);
    this._total = page.total;
    page.items.forEach(item => this._known.set(item.id, item));
    const last = page.items[page.items.length - 1];
    if (page.cursor !== null && last !== undefined) {
      const others = this._boundaries.filter(boundary => boundary.id !== last.id);
      this._boundaries = [...others, { id: last.id, cursor: page.cursor }].sort((a, b) =>
        a.id < b.id ? 1 : -1
      );
    }
  }

  /** Where the list ends with the page just put, the next page begins behind that one. */
  private settleEnd(page: CheckpointPage): void {
    const last = page.items[page.items.length - 1];
    if (page.cursor === null || last?.id === this._items[this._items.length - 1]?.id) {
      this._cursor = page.cursor;
    }
  }

  /** Put saving and stored entries together and draw their graph, only what is new below where nothing changed above. */
  private arrange(): void {
    this._saving = this._saving.filter(saving => !isStored(saving, this._items));
    const before = this._entries;
    this._entries = this.isFiltered ? this._items : [...this._saving, ...this._items];
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
  private _items: Checkpoint[] = [];
  private _saving: IEntry[] = [];
  private _entries: readonly IEntry[] = [];
  private _graph = EMPTY_GRAPH;
  private _total = 0;
  private _cursor: string | null = null;
  private _boundaries: IBoundary[] = [];
  /** Something was written or deleted since the newest were counted: what of it is loaded is not known. */
  private _isMiscounted = false;
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
