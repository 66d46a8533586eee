/**
 * What a list of runs shows: in which places, which columns.
 */
import type { Run } from '../../schema';

/** A run and how deep it lies in others. */
export interface IRow {
  run: Run;
  level: number;
}

/** Put runs that are nested under the run they belong to, where that is listed too; an order by a query stays as it is. */
export function toRows(runs: readonly Run[], isOrdered: boolean): IRow[] {
  if (isOrdered) {
    return runs.map(run => ({ run, level: run.parent_id ? 1 : 0 }));
  }
  const ids = new Set(runs.map(run => run.id));
  const children = new Map<string | null, Run[]>();
  for (const run of runs) {
    const parent = run.parent_id !== null && ids.has(run.parent_id) ? run.parent_id : null;
    children.set(parent, [...(children.get(parent) ?? []), run]);
  }
  const rows: IRow[] = [];
  const add = (parent: string | null, level: number): void => {
    for (const run of children.get(parent) ?? []) {
      rows.push({ run, level: parent === null && run.parent_id ? 1 : level });
      add(run.id, level + 1);
    }
  };
  add(null, 0);
  return rows;
}

/** The keys that runs have, those of most runs first, then by name. */
export function keysOf(records: readonly { [key: string]: unknown }[], most = Infinity): string[] {
  const counts = new Map<string, number>();
  for (const record of records) {
    for (const key of Object.keys(record)) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...counts]
    .sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1))
    .map(([key]) => key)
    .slice(0, most);
}

/** How long a run took, or has been going on; null where it did not end in a way that is known. */
export function durationOf(run: Run, now: number): number | null {
  if (run.ended_at !== null) {
    return run.ended_at - run.started_at;
  }
  return run.status === 'running' ? Math.max(0, now - run.started_at) : null;
}
