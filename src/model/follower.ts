/**
 * Keeping up with a project: what is shown of it is asked for again when something was written to it, at most so often, and only
 * while somebody looks.
 */
import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import type { IProjects } from '../tokens';

export class Follower implements IDisposable {
  /**
   * @param project - tells the id of the project that is followed; null: none
   * @param refresh - asks for everything again
   * @param limit - ms from one refresh to the next, at least
   */
  constructor(
    projects: IProjects,
    private readonly project: () => string | null,
    private readonly refresh: () => Promise<void>,
    limit: number
  ) {
    this.throttler = new Throttler(() => this.catchUp(), { limit, edge: 'trailing' });
    projects.changed.connect(this.onChanged, this);
  }

  /** Whether it is on screen; what was missed while it was not is asked for once it is. */
  get isShown(): boolean {
    return this._isShown;
  }

  set isShown(isShown: boolean) {
    this._isShown = isShown;
    void this.catchUp();
  }

  get isDisposed(): boolean {
    return this.throttler.isDisposed;
  }

  dispose(): void {
    this.throttler.dispose();
    Signal.clearData(this);
  }

  /** Ask for everything again: now if it is on screen, else once it is. */
  async ask(): Promise<void> {
    this.isStale = true;
    await this.catchUp();
  }

  private async catchUp(): Promise<void> {
    if (this._isShown && this.isStale) {
      this.isStale = false;
      await this.refresh();
    }
  }

  private onChanged(_: IProjects, project: string): void {
    if (project === this.project()) {
      this.isStale = true;
      if (this._isShown) {
        void this.throttler.invoke();
      }
    }
  }

  private _isShown = false;
  private isStale = false;
  private readonly throttler: Throttler<void>;
}
