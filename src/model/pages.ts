/**
 * Pages of things with time-ordered ids, newest first, put together to one list.
 */

interface IIdentified {
  id: string;
}

/**
 * Put a page that was asked for into the list: what the page covers becomes what it says.
 *
 * A page covers everything from where it was asked for down to its last item; all the rest, if it is the last page.
 *
 * @param before - the page holds what is older than this id; null: it is the first page
 * @param isLast - nothing is older than what is on the page
 */
export function putPage<T extends IIdentified>(
  items: readonly T[],
  page: readonly T[],
  before: string | null,
  isLast: boolean
): T[] {
  const above = before === null ? [] : items.filter(item => item.id >= before);
  const oldest = page.length > 0 ? page[page.length - 1].id : null;
  const below = isLast || oldest === null ? [] : items.filter(item => item.id < oldest);
  return [...above, ...page, ...below];
}

/** Whether a first page reaches down to what was known: nothing can be between them. */
export function isReaching(
  items: readonly IIdentified[],
  page: readonly IIdentified[],
  isLast: boolean
): boolean {
  return isLast || items.length === 0 || page[page.length - 1].id <= items[0].id;
}
