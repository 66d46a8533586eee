/**
 * The order of a list of runs is part of its query (`... order by metrics.acc desc`): a column's heading writes it there.
 */

interface IOrder {
  field: string;
  isDescending: boolean;
}

/** Texts in quotes, and words with their key, as the server cuts a query (`core/query.py`). */
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_]*(?:\.(?:`[^`]+`|"[^"]+"|[\p{L}\p{N}_./:@-]+))?/gu;

interface IParts {
  where: string;
  order: string;
  limit: string;
}

/** How the first term of a query's `order by` orders; null where it has none, and the newest come first. */
export function orderOf(query: string): IOrder | null {
  const { order } = parts(query);
  const [, , field, direction] = order.match(TOKEN) ?? [];
  return field ? { field, isDescending: /^desc$/i.test(direction ?? '') } : null;
}

/** The same query in another order; null for none. */
export function withOrder(query: string, order: IOrder | null): string {
  const { where, limit } = parts(query);
  const clause = order ? `order by ${order.field}${order.isDescending ? ' desc' : ''}` : '';
  return [where, clause, limit].filter(Boolean).join(' ');
}

/** What a click on a heading makes of an order: ascending, then descending, then none. */
export function nextOrder(order: IOrder | null, field: string): IOrder | null {
  if (order?.field !== field) {
    return { field, isDescending: false };
  }
  return order.isDescending ? null : { field, isDescending: true };
}

/** How a metric, param or tag is named in a query; null where it cannot be: a key with backticks. */
export function fieldOf(kind: 'metrics' | 'params' | 'tags', key: string): string | null {
  if (key.includes('`')) {
    return null;
  }
  return /^[\w./:@-]+$/.test(key) ? `${kind}.${key}` : `${kind}.\`${key}\``;
}

function parts(query: string): IParts {
  let order = -1;
  let limit = -1;
  for (const { 0: word, index } of query.matchAll(TOKEN)) {
    if (/^order$/i.test(word)) {
      order = index;
    } else if (/^limit$/i.test(word)) {
      limit = index;
    }
  }
  const end = limit < 0 ? query.length : limit;
  const where = query.slice(0, order < 0 ? end : Math.min(order, end));
  return {
    where: where.trim(),
    order: order < 0 ? '' : query.slice(order, end > order ? end : undefined).trim(),
    limit: limit < 0 ? '' : query.slice(limit).trim()
  };
}
