/**
 * What the timeline shows of one checkpoint: stored, or still on its way to disk.
 */
import type { Checkpoint } from '../schema';
import type { IKernelNews } from '../tokens';

/** A checkpoint in the timeline; while it is saved, what is not known of it yet is empty. */
export interface IEntry extends Checkpoint {
  is_saving?: boolean;
}

/** One metric of a checkpoint; `before` is its last value on the way to the root, absent where there is none known. */
export interface IMove {
  key: string;
  value: number | null;
  before?: number | null;
}

/** Where a kernel said it stands, by name or id, and what was the newest checkpoint then; null: it said so before there was a list. */
export interface IStanding {
  id: string;
  newest: string | null;
}

/** An entry for a checkpoint that a kernel made and has not stored yet. */
export function savingEntry(
  news: NonNullable<IKernelNews['saving']>,
  parent: IEntry | undefined,
  notebook: string | null
): IEntry {
  return {
    ...news,
    digest: '',
    kind: 'cell',
    session_id: '',
    ordinal: 0,
    parent_id: parent?.id ?? null,
    run_id: parent?.run_id ?? null,
    notebook,
    name: null,
    note: null,
    execution_count: null,
    status: null,
    duration_ms: null,
    changes: { added: [], changed: [], removed: [], between: [] },
    metrics: {},
    is_dropped: false,
    is_saving: true
  };
}

/** Whether the store already has a checkpoint or its successor: a kernel stores them in order. */
export function isStored(saving: IEntry, items: readonly IEntry[]): boolean {
  return items.some(
    item => item.id === saving.id || (item.id > saving.id && item.notebook === saving.notebook)
  );
}

/** What only prepares: comments, cell magics, magics that load something, imports with the lines they go on for. */
const PREPARING =
  /^\s*(#.*|%%.*|%(load_ext|reload_ext|autoreload|matplotlib)\b.*|(import|from)\s[^(\n]*(\([^)]*\).*)?)$/gm;

/** The line by which a cell is known: the first that does something; where there is none, the first that is not blank. */
export function firstLine(source: string): string {
  const find = (text: string): string => /\S.*/.exec(text)?.[0].trimEnd() ?? '';
  return find(source.replace(PREPARING, '')) || find(source);
}

/** The metrics of a checkpoint, each with the value it had before on the way to the root, by `find`. */
export function metricMoves(
  entry: Checkpoint,
  find: (id: string) => Checkpoint | undefined
): IMove[] {
  const moves = new Map<string, IMove>(
    Object.entries(entry.metrics).map(([key, value]) => [key, { key, value }])
  );
  const open = new Set(moves.keys());
  let at = open.size > 0 && entry.parent_id !== null ? find(entry.parent_id) : undefined;
  while (at !== undefined && open.size > 0) {
    for (const [key, before] of Object.entries(at.metrics)) {
      if (open.delete(key)) {
        moves.set(key, { ...(moves.get(key) as IMove), before });
      }
    }
    at = at.parent_id === null ? undefined : find(at.parent_id);
  }
  return [...moves.values()];
}

/** What a kernel said, as far as a list explains it: which checkpoint has that name, and that all in the list was there already. */
export function explain(
  { id, newest }: IStanding,
  items: readonly Checkpoint[],
  isWhole: boolean
): IStanding {
  const named = items.some(item => item.id === id) ? null : items.find(item => item.name === id);
  return { id: named?.id ?? id, newest: newest ?? (isWhole ? (items[0]?.id ?? null) : null) };
}

/**
 * The checkpoint where a notebook's kernel stands: where it said, moved on by what was made on top of that since;
 * where it said nothing, the newest that is not just a save.
 *
 * @param items - newest first, none left out
 */
export function findStanding(
  items: readonly Checkpoint[],
  told: IStanding | null,
  notebook: string | null
): string | null {
  if (told === null) {
    return items.find(item => item.kind !== 'save' && item.notebook === notebook)?.id ?? null;
  }
  let at = told.id;
  const { newest } = told;
  const later = newest === null ? 0 : items.findIndex(item => item.id <= newest);
  for (const item of items.slice(0, later < 0 ? items.length : later).reverse()) {
    at = item.parent_id === at && item.kind !== 'save' ? item.id : at;
  }
  return at;
}

/** The ids from a checkpoint to the root, as far as they are known. */
export function pathToRoot(
  from: string | null,
  find: (id: string) => Checkpoint | undefined
): Set<string> {
  const path = new Set<string>();
  for (let at = from; at !== null && !path.has(at); at = find(at)?.parent_id ?? null) {
    path.add(at);
  }
  return path;
}
