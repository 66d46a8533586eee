/**
 * A few runs in full, with the points of their metrics, kept up to date while they run. No DOM.
 */
import { type ISignal, Signal } from '@lumino/signaling';

import { type Client, ClientError } from '../client';
import type { Metric, Run, RunDetail } from '../schema';
import type { IProjects } from '../tokens';
import { Follower } from './follower';

/** About how many points of each metric are asked for at first; the server keeps the extremes of every stretch. */
export const FIRST_POINTS = 1000;
/** And at most, when a chart is zoomed into. */
const MOST_POINTS = 100_000;
const REFRESH_MS = 500;

export class RunSet {
  constructor(
    private readonly client: Client,
    projects: IProjects,
    readonly project: string,
    readonly ids: readonly string[]
  ) {
    this.follower = new Follower(
      projects,
      () => this.project,
      () => this.refresh(),
      REFRESH_MS
    );
  }

  /** Say whether it is on screen: only then it follows changes. */
  setShown(isShown: boolean): void {
    this.follower.isShown = isShown;
  }

  /** Anything below changed. */
  get changed(): ISignal<RunSet, void> {
    return this._changed;
  }

  isLoaded = false;
  /** Why runs could not be had, by the id asked for; a run that was deleted is one. */
  readonly failures = new Map<string, string>();

  /** The runs that could be had, in the order asked for. */
  get details(): readonly RunDetail[] {
    return this.ids.flatMap(id => this._details.get(id) ?? []);
  }

  get runs(): readonly Run[] {
    return this.details.map(detail => detail.run);
  }

  /** The points of a run's metrics, thinned out where they are many. */
  points(run: Run): readonly Metric[] {
    return this._points.get(run.id) ?? [];
  }

  dispose(): void {
    this.follower.dispose();
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    await Promise.all(this.ids.map(id => this.load(id)));
    this.isLoaded = true;
    this._changed.emit();
  }

  /** Have more points of a metric: `share` (0 to 1) of its axis is in sight, and wants as many as all of it had. */
  async refine(key: string, share: number): Promise<void> {
    const wanted = Math.min(MOST_POINTS, Math.ceil(FIRST_POINTS / Math.max(share, 1e-6)));
    if (wanted <= (this.wanted.get(key) ?? FIRST_POINTS)) {
      return;
    }
    this.wanted.set(key, wanted);
    const isThinned = (run: Run): boolean =>
      this.points(run).filter(point => point.key === key).length >= FIRST_POINTS / 2;
    const asked = this.runs.filter(isThinned).map(async run => {
      this.replace(run, key, await this.metrics(run, key));
    });
    await Promise.allSettled(asked); // what does not come comes with the next refresh
    this._changed.emit();
  }

  /** All points of a metric, none thinned out. */
  all(run: Run, key: string): Promise<readonly Metric[]> {
    return this.client.metrics(this.project, run.id, key).then(list => list.items);
  }

  /** Set a tag of a run. */
  async setTag(run: Run, key: string, value: string): Promise<void> {
    const changed = await this.client.changeRun(this.project, run.id, { tags: { [key]: value } });
    for (const [id, detail] of this._details) {
      if (detail.run.id === changed.id) {
        this._details.set(id, { ...detail, run: changed });
      }
    }
    this._changed.emit();
  }

  private async load(id: string): Promise<void> {
    try {
      const before = this._details.get(id)?.run;
      const detail = await this.client.run(this.project, id);
      const { run } = detail;
      if (!before || run.status === 'running' || hasNewPoints(before, run)) {
        this._points.set(run.id, await this.loadPoints(run));
      }
      this._details.set(id, detail);
      this.failures.delete(id);
    } catch (error) {
      this.failures.set(id, (error as Error).message);
      if (error instanceof ClientError && error.code === 'not_found') {
        this._details.delete(id);
      }
    }
  }

  private async loadPoints(run: Run): Promise<readonly Metric[]> {
    const { items } = await this.client.metrics(this.project, run.id, undefined, FIRST_POINTS);
    let points: readonly Metric[] = items;
    for (const key of this.wanted.keys()) {
      if (key in run.metrics) {
        points = withKey(points, key, await this.metrics(run, key));
      }
    }
    return points;
  }

  private async metrics(run: Run, key: string): Promise<readonly Metric[]> {
    const points = this.wanted.get(key) ?? FIRST_POINTS;
    return (await this.client.metrics(this.project, run.id, key, points)).items;
  }

  private replace(run: Run, key: string, points: readonly Metric[]): void {
    this._points.set(run.id, withKey(this.points(run), key, points));
  }

  private readonly follower: Follower;
  private readonly _changed = new Signal<RunSet, void>(this);
  private readonly _details = new Map<string, RunDetail>();
  private readonly _points = new Map<string, readonly Metric[]>();
  /** The metrics that were zoomed into, and how many points of them are asked for since. */
  private readonly wanted = new Map<string, number>();
}

function hasNewPoints(before: Run, after: Run): boolean {
  return (
    before.status !== after.status ||
    JSON.stringify(before.metrics) !== JSON.stringify(after.metrics)
  );
}

function withKey(all: readonly Metric[], key: string, points: readonly Metric[]): Metric[] {
  return [...all.filter(point => point.key !== key), ...points];
}
