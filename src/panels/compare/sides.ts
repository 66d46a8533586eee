/**
 * The two moments of a comparison: what is known of each, and its name and note as they are now. No DOM.
 */
import { JSONExt, type PartialJSONValue } from '@lumino/coreutils';

import { Follower } from '../../model/follower';
import type { Checkpoint, CheckpointDetail } from '../../schema';
import type { IServices } from '../../tokens';
import type { IPair } from './pair';

/** Names are asked for again at most so often. */
const REFRESH_MS = 2000;

/** One of the two moments; without a checkpoint it is now. */
export interface ISide {
  checkpoint: Checkpoint | null;
  /** Its run (where a run is compared, that one), session and environment; null until they came. */
  detail: CheckpointDetail | null;
}

export type News = 'name' | 'environment' | 'outputs';

export class Sides {
  constructor(
    private readonly services: Pick<IServices, 'client' | 'projects'>,
    private readonly pair: IPair,
    /** Called when a side changed, with what did. */
    private readonly tell: (news: News) => void
  ) {
    this.follower = new Follower(
      services.projects,
      () => this.base.checkpoint && pair.project,
      () => this.load(),
      REFRESH_MS
    );
    this.follower.isShown = true;
  }

  base: ISide = { checkpoint: null, detail: null };
  other: ISide = { checkpoint: null, detail: null };

  /** Take two moments, and forget what was known of those before. */
  set(base: Checkpoint, other: Checkpoint | null): void {
    this.base = { checkpoint: base, detail: null };
    this.other = { checkpoint: other, detail: null };
  }

  /** Ask what is known of them. What does not come is left out: the comparison itself is there. */
  async load(): Promise<void> {
    await Promise.allSettled([this.loadSide('base'), this.loadSide('other')]);
  }

  /** Say whether they are on screen: only then they follow changes. */
  setShown(isShown: boolean): void {
    this.follower.isShown = isShown;
  }

  dispose(): void {
    this.follower.dispose();
  }

  private async loadSide(name: 'base' | 'other'): Promise<void> {
    const { checkpoint } = this[name];
    if (!checkpoint) {
      return;
    }
    const detail = await this.fetch(name, checkpoint.id);
    const side = this[name];
    const news = side.checkpoint?.id === checkpoint.id ? newsOf(side, detail) : null;
    if (news) {
      this[name] = { checkpoint: detail.checkpoint, detail };
      this.tell(news);
    }
  }

  /** Several runs may have ended with one checkpoint, which is then of another than the one compared. */
  private async fetch(name: 'base' | 'other', id: string): Promise<CheckpointDetail> {
    const { client } = this.services;
    const { project, are_runs } = this.pair;
    const [detail, meant] = await Promise.all([
      client.checkpoint(project, id),
      are_runs && client.run(project, this.pair[name])
    ]);
    return meant ? { ...detail, run: meant.run } : detail;
  }

  private readonly follower: Follower;
}

/** What changed of a side: a checkpoint's name, note and late outputs do, its run's name, and its environment until it is known. */
function newsOf({ checkpoint, detail }: ISide, now: CheckpointDetail): News | null {
  if (detail && !detail.environment && now.environment) {
    return 'environment';
  }
  if (detail && !areSame(detail.outputs, now.outputs)) {
    return 'outputs';
  }
  const isNamed =
    detail !== null &&
    checkpoint?.name === now.checkpoint.name &&
    checkpoint.note === now.checkpoint.note &&
    detail.run?.name === now.run?.name;
  return isNamed ? null : 'name';
}

function areSame(before: unknown, after: unknown): boolean {
  return JSONExt.deepEqual(before as PartialJSONValue, after as PartialJSONValue);
}
