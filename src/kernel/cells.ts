/**
 * Putting a notebook's cells back as they were: one edit of the shared model, which one undo takes back.
 */
import { type ReadonlyJSONValue, JSONExt } from '@lumino/coreutils';

import { NOT_OF_A_CELL, type SharedNotebook, without } from './document';

type StoredCell = Parameters<SharedNotebook['insertCell']>[1];
type Json = { [key: string]: ReadonlyJSONValue };

const EMPTY: Json = { outputs: [] };

/** Cells in the place of others: the cells now at `start` to `end` (not included) become `cells`. */
export interface IReplacement {
  start: number;
  end: number;
  cells: StoredCell[];
}

/** What has to be replaced for the cells of `notebook` to be those of `stored`; cells that are the same stay untouched. */
export function planCells(notebook: SharedNotebook, stored: StoredCell[]): IReplacement[] {
  const there = notebook.cells.map(cell => cell.toJSON() as unknown as Json);
  const live = there.map(comparable);
  const wanted = (stored as unknown as Json[]).map(comparable);
  const places = findPlaces(stored as unknown as Json[], there);
  const same = places.map((place, index) =>
    place >= 0 && JSONExt.deepEqual(live[place], wanted[index]) ? place : -1
  );
  const renewed = stored.map((cell, index) => {
    const place = places[index];
    const isShown = place >= 0 && sameOutputs(live[place], wanted[index]);
    const isTrusted = isShown && notebook.cells[place].getMetadata('trusted') === true;
    return withTrust(cell, isTrusted || !cell.outputs || sameOutputs(wanted[index], EMPTY));
  });
  const plan: IReplacement[] = [];
  let start = 0;
  let from = 0;
  for (const [index, at] of [...longestRise(same), [stored.length, live.length]]) {
    if (at > start || index > from) {
      plan.push({ start, end: at, cells: renewed.slice(from, index) });
    }
    start = at + 1;
    from = index + 1;
  }
  return plan;
}

/** Do what was planned, as one edit. */
export function replaceCells(notebook: SharedNotebook, plan: IReplacement[]): void {
  const { undoManager } = notebook as SharedNotebook & { undoManager?: { stopCapturing(): void } };
  undoManager?.stopCapturing(); // edits within half a second would be undone with it
  notebook.transact(() => {
    for (const { start, end, cells } of [...plan].reverse()) {
      notebook.insertCells(end, cells);
      notebook.deleteCellRange(start, end);
    }
  });
  undoManager?.stopCapturing();
}

/**
 * Where in the notebook each stored cell is; below 0: nowhere. Ids tell; where a cell has none, or a new one as in each
 * opening of a file before nbformat 4.5, the next cell of the same text that no id tells to be another.
 */
function findPlaces(stored: readonly Json[], live: readonly Json[]): number[] {
  const byId = new Map(live.map(({ id }, index) => [id, index]));
  const told = new Set(stored.map(({ id }) => id));
  const byText = new Map<string, number[]>();
  live.forEach((cell, index) => {
    if (!told.has(cell.id)) {
      const text = textOf(cell);
      byText.set(text, [...(byText.get(text) ?? []), index]);
    }
  });
  return stored.map(cell => byId.get(cell.id) ?? byText.get(textOf(cell))?.shift() ?? -1);
}

function textOf({ cell_type, source }: Json): string {
  return JSON.stringify([cell_type, joined(source)]);
}

/** The longest run of pairs [index, value] in which both rise, values below 0 left out: the cells that keep their order. */
function longestRise(values: number[]): [number, number][] {
  const ends: number[] = []; // for each length, the index at which the best run of it ends
  const before: number[] = [];
  values.forEach((value, index) => {
    if (value < 0) {
      return;
    }
    let length = ends.length;
    while (length > 0 && values[ends[length - 1]] >= value) {
      length--;
    }
    before[index] = length > 0 ? ends[length - 1] : -1;
    ends[length] = index;
  });
  const run: [number, number][] = [];
  for (let at = ends.length ? ends[ends.length - 1] : -1; at >= 0; at = before[at]) {
    run.unshift([at, values[at]]);
  }
  return run;
}

/** Of a cell, what the notebook shows; texts in one piece, for files keep them in lines. */
function comparable(cell: Json): Json {
  return {
    cell_type: cell.cell_type,
    source: joined(cell.source),
    metadata: without((cell.metadata ?? {}) as Json, NOT_OF_A_CELL) as Json,
    attachments: cell.attachments ?? {},
    execution_count: cell.execution_count ?? null,
    outputs: ((cell.outputs ?? []) as Json[]).map(output => ({
      ...output,
      text: joined(output.text ?? null),
      data: Object.fromEntries(
        Object.entries((output.data ?? {}) as Json).map(([type, value]) => [type, joined(value)])
      )
    }))
  };
}

function sameOutputs(one: Json, other: Json): boolean {
  return JSONExt.deepEqual(one.outputs, other.outputs);
}

function joined(value: ReadonlyJSONValue): ReadonlyJSONValue {
  return Array.isArray(value) && value.every(line => typeof line === 'string')
    ? value.join('')
    : value;
}

/** Outputs from the store are trusted only where the notebook shows and trusts the same: the rest is for the user to say. */
function withTrust(cell: StoredCell, isTrusted: boolean): StoredCell {
  const metadata = without(cell.metadata ?? {}, NOT_OF_A_CELL);
  return { ...cell, metadata: isTrusted ? { ...metadata, trusted: true } : metadata } as StoredCell;
}
