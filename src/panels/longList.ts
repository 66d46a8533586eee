/**
 * Lists of which only the rows in sight are drawn: which are there besides, and where a key leads.
 */
import { defaultRangeExtractor, type Range } from '@tanstack/react-virtual';

/** The rows in sight and the one the keyboard is at, which must be there wherever it is; an index below 0 is none. */
export function withOne(range: Range, index: number): number[] {
  const rows = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || rows.includes(index)) {
    return rows;
  }
  return index < rows[0] ? [index, ...rows] : [...rows, index];
}

/** The row that a key leads to, though it may be beyond the ends; null: the key is none of a list's. */
export function rowAfter(key: string, index: number, page: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return index + 1;
    case 'ArrowUp':
      return index - 1;
    case 'PageDown':
      return index + page;
    case 'PageUp':
      return index - page;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
