/**
 * In which pieces a notebook's diff is drawn: runs of unchanged cells are folded, long runs are cut, so that a notebook of
 * any length shows its first cells at once.
 */

/** Consecutive chunks of cells, all changed or none of them. */
export interface IPart<Chunk> {
  isChanged: boolean;
  chunks: Chunk[];
}

/** Part chunks into runs of changed and of unchanged ones. */
export function partition<Chunk>(
  chunks: readonly Chunk[],
  isChanged: (chunk: Chunk) => boolean
): IPart<Chunk>[] {
  const parts: IPart<Chunk>[] = [];
  for (const chunk of chunks) {
    const last = parts[parts.length - 1];
    const changed = isChanged(chunk);
    if (last?.isChanged === changed) {
      last.chunks.push(chunk);
    } else {
      parts.push({ isChanged: changed, chunks: [chunk] });
    }
  }
  return parts;
}

/** Cut a list into slices of at most `most`. */
export function slices<Item>(items: readonly Item[], most: number): Item[][] {
  const cut: Item[][] = [];
  for (let start = 0; start < items.length; start += most) {
    cut.push(items.slice(start, start + most));
  }
  return cut;
}
