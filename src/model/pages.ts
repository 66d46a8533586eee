/**
 * Pages of things with time-ordered ids, newest first, put together to one list that may lack its end but nothing in between.
 */

interface IIdentified {
  id: string;
}

/** What the server answers. */
interface IPage<T> {
  items: readonly T[];
  cursor: string | null;
  total: number;
}

/** The end of a page: what comes after it is asked for with the cursor. */
interface IBoundary {
  /** The id of the last item of the page. */
  id: string;
  cursor: string;
}

export class Pages<T extends IIdentified> {
  /** Newest first. */
  items: readonly T[] = [];
  /** How many there are, loaded or not. */
  total = 0;
  /** What comes after the last item is asked for with it; null: nothing does. */
  cursor: string | null = null;
  /** Something was written or deleted since the newest were counted: what of it is loaded here is not known. */
  isMiscounted = false;

  clear(): void {
    this.items = [];
    this.boundaries = [];
    this.cursor = null;
  }

  /**
   * Put in a page: what it covers becomes what it says, from where it was asked for down to its last item, or to the end.
   *
   * @param before - the page holds what is older than this id; null: it is the first page
   */
  put(page: IPage<T>, before: string | null): void {
    this.isMiscounted ||= before !== null && page.total !== this.total;
    const last = page.items[page.items.length - 1]?.id ?? null;
    const above = before === null ? [] : this.items.filter(item => item.id >= before);
    const isEnd = page.cursor === null || last === null;
    const below = isEnd ? [] : this.items.filter(item => item.id < last);
    this.items = [...above, ...page.items, ...below];
    this.total = page.total;
    if (below.length === 0) {
      this.cursor = page.cursor;
    }
    if (page.cursor !== null && last !== null) {
      const others = this.boundaries.filter(boundary => boundary.id !== last);
      this.boundaries = [...others, { id: last, cursor: page.cursor }].sort(newestFirst);
    }
  }

  /** Whether a first page reaches down to what is here: nothing can be between them. */
  isReachedBy(page: IPage<T>): boolean {
    const last = page.items[page.items.length - 1];
    return page.cursor === null || this.items.length === 0 || last?.id <= this.items[0].id;
  }

  /** Whether what is new on a first page is all that was written since, and nothing was deleted. */
  isCountedBy(page: IPage<T>): boolean {
    const newest = this.items[0]?.id ?? '';
    const count = page.items.filter(item => item.id > newest).length;
    return !this.isMiscounted && this.total + count === page.total;
  }

  /** The end of the page above the one on which an item is; undefined for those on the first. */
  boundaryAbove(id: string): IBoundary | undefined {
    return this.boundaries.filter(boundary => boundary.id > id).pop();
  }

  private boundaries: IBoundary[] = [];
}

function newestFirst(a: IIdentified, b: IIdentified): number {
  return a.id < b.id ? 1 : -1;
}
