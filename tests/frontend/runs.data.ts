/**
 * Runs to test with.
 */
import type { Run } from '../../src/schema';

export function aRun(id: string, change: Partial<Run> = {}): Run {
  return {
    id,
    name: id,
    experiment: 'train',
    session_id: 's',
    status: 'finished',
    started_at: 1_000,
    ended_at: 61_000,
    parent_id: null,
    notebook: 'train.ipynb',
    from_id: null,
    until_id: null,
    ended_on_id: null,
    params: {},
    metrics: {},
    tags: {},
    last_checkpoint_id: null,
    ...change
  };
}

/** Numbers from 0 to 1 that are the same in every test run (Park and Miller, CACM 1988). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}
