/**
 * The runs of a project as a list: what is asked for, what came, what is selected. No DOM.
 */
import { type ISignal, Signal } from '@lumino/signaling';

import { type Client, ClientError } from '../client';
import type { Run } from '../schema';
import type { IProjects } from '../tokens';
import { Follower } from './follower';

/** How many runs are compared at most. */
export const MOST_COMPARED = 8;
const PAGE = 100;
/** As many as one request brings anew; what was scrolled to beyond is asked for again when scrolled to. */
const MOST_REFRESHED = 500;
/** A training loop writes hundreds of times a second: its list is asked for twice a second. */
const REFRESH_MS = 500;

type RunsState = 'no-project' | 'loading' | 'ready' | 'failed';

export class RunsModel {
  constructor(
    private readonly client: Client,
    projects: IProjects
  ) {
    this.follower = new Follower(
      projects,
      () => this.project,
      () => this.load(Math.min(Math.max(PAGE, this.items.length), MOST_REFRESHED)),
      REFRESH_MS
    );
  }

  /** Anything below changed. */
  get changed(): ISignal<RunsModel, void> {
    return this._changed;
  }

  project: string | null = null;
  state: RunsState = 'no-project';
  items: readonly Run[] = [];
  total = 0;
  query = '';
  /** What is wrong with the query, in the server's words; `items` are those of the last good one. */
  queryError: string | null = null;
  /** Why the server did not answer. */
  failure: string | null = null;
  /** The ids of the runs selected for comparing, in the order they were. */
  selected: readonly string[] = [];
  /** The id of the run that the keyboard is at. */
  active: string | null = null;

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** While nobody looks nothing is asked for. */
  get isShown(): boolean {
    return this.follower.isShown;
  }
  set isShown(isShown: boolean) {
    this.follower.isShown = isShown;
  }

  dispose(): void {
    this.follower.dispose();
    Signal.clearData(this);
  }

  /** List the runs of a project; null where there is none, for which there may be a reason: `failure`. */
  async setProject(project: string | null, failure: string | null = null): Promise<void> {
    if (project === this.project && (project !== null || failure === this.failure)) {
      return;
    }
    this.project = project;
    this.state = project === null ? 'no-project' : 'loading';
    this.items = [];
    this.total = 0;
    this.cursor = null;
    this.selected = [];
    this.active = null;
    this.queryError = null;
    this.failure = failure;
    this._changed.emit();
    await this.refresh();
  }

  async setQuery(query: string): Promise<void> {
    this.query = query;
    this.queryError = null;
    this._changed.emit();
    await this.load(PAGE);
  }

  /** Ask again for as many as there are. */
  refresh(): Promise<void> {
    return this.follower.ask();
  }

  /** Ask for the next page, if there is one and it is not on its way. */
  async loadMore(): Promise<void> {
    if (this.cursor === null || this.pageAsked === this.cursor || this.project === null) {
      return;
    }
    const cursor = (this.pageAsked = this.cursor);
    const number = this.asked;
    try {
      const page = await this.client.runs(this.project, { query: this.query, cursor, limit: PAGE });
      if (number === this.asked) {
        const known = new Set(this.items.map(run => run.id));
        this.items = [...this.items, ...page.items.filter(run => !known.has(run.id))];
        this.total = page.total;
        this.cursor = page.cursor;
      }
    } catch (error) {
      this.failure = number === this.asked ? (error as Error).message : this.failure;
    }
    this.pageAsked = null;
    this._changed.emit();
  }

  /** Select a run for comparing, or let it go; false when there are as many as can be compared. */
  toggle(id: string): boolean {
    if (this.selected.includes(id)) {
      this.selected = this.selected.filter(other => other !== id);
    } else if (this.selected.length < MOST_COMPARED) {
      this.selected = [...this.selected, id];
    } else {
      return false;
    }
    this._changed.emit();
    return true;
  }

  clearSelection(): void {
    this.selected = [];
    this._changed.emit();
  }

  setActive(id: string | null): void {
    this.active = id;
    this._changed.emit();
  }

  private async load(limit: number): Promise<void> {
    const { project, query } = this;
    const number = ++this.asked;
    if (project === null) {
      return;
    }
    try {
      const page = await this.client.runs(project, { query, limit });
      if (number !== this.asked) {
        return;
      }
      this.items = page.items;
      this.total = page.total;
      this.cursor = page.cursor;
      this.state = 'ready';
      this.queryError = null;
      this.failure = null;
    } catch (error) {
      if (number !== this.asked) {
        return;
      }
      this.fail(error);
    }
    this._changed.emit();
  }

  private fail(error: unknown): void {
    const { message } = error as Error;
    if (error instanceof ClientError && error.code === 'invalid_input' && this.query) {
      this.queryError = message;
      this.state = this.state === 'loading' ? 'ready' : this.state;
    } else {
      this.failure = message;
      this.state = this.items.length ? 'ready' : 'failed';
    }
  }

  private readonly follower: Follower;
  private readonly _changed = new Signal<RunsModel, void>(this);
  private cursor: string | null = null;
  private pageAsked: string | null = null;
  /** Answers that come after a newer question are dropped. */
  private asked = 0;
}
