/**
 * The graph of a history: every line leads from a checkpoint to its parent, however the history branches and is fetched.
 */
import { EMPTY_GRAPH, extendGraph, type ILink, laneRoom } from '../../src/model/graph';
import { generator } from './runs.data';

/** A history in which now and then a restore goes back, newest first; some parents were deleted. */
function aHistory(random: () => number, count: number): ILink[] {
  const links: ILink[] = [];
  for (let at = 0; at < count; at++) {
    const back = random() < 0.3 ? Math.floor(random() * 8) : 0;
    const parent = at - 1 - back;
    const isRoot = parent < 0 || random() < 0.05;
    links.push({ id: `c${at}`, parent_id: isRoot ? null : `c${parent}` });
  }
  return links.reverse();
}

const histories = Array.from({ length: 60 }, (_, seed) =>
  aHistory(generator(seed + 1), 1 + (seed % 40))
);

test('from every checkpoint a line runs down, row by row, to its parent and ends there', () => {
  for (const links of histories) {
    const { rows } = extendGraph(EMPTY_GRAPH, links);
    const place = new Map(links.map(({ id }, at) => [id, at]));
    links.forEach(({ id, parent_id }, at) => {
      expect(rows[at].hasParent).toBe(parent_id !== null);
      const end = parent_id === null ? at : (place.get(parent_id) as number);
      for (let below = at + 1; below < end; below++) {
        expect(rows[below].passing.filter(line => line.child === id)).toHaveLength(1);
      }
      const arrivals =
        parent_id === null ? [] : [...rows[end].joining.map(line => line.child), rows[end].above];
      expect(arrivals.filter(child => child === id)).toHaveLength(parent_id === null ? 0 : 1);
      rows
        .slice(end + 1)
        .forEach(row => expect(row.passing.some(line => line.child === id)).toBe(false));
    });
  }
});

test('a line keeps its lane, and no two things are in one lane of a row', () => {
  for (const links of histories) {
    const { rows } = extendGraph(EMPTY_GRAPH, links);
    const laneOf = new Map(links.map(({ id }, at) => [id, rows[at].lane]));
    for (const row of rows) {
      const lines = [...row.passing, ...row.joining];
      lines.forEach(line => expect(line.lane).toBe(laneOf.get(line.child)));
      const taken = [row.lane, ...lines.map(line => line.lane)];
      expect(new Set(taken).size).toBe(taken.length);
    }
  }
});

test('a graph that grows page by page is the graph drawn at once', () => {
  for (const links of histories) {
    const whole = extendGraph(EMPTY_GRAPH, links);
    let grown = EMPTY_GRAPH;
    for (let at = 0; at < links.length; at += 7) {
      grown = extendGraph(grown, links.slice(at, at + 7));
    }
    expect(grown).toEqual(whole);
  }
});

test('a history without a branch has one lane; a dead end is beside it until where it began', () => {
  const chain = [3, 2, 1].map(at => ({ id: `${at}`, parent_id: at > 1 ? `${at - 1}` : null }));
  expect(extendGraph(EMPTY_GRAPH, chain).rows.map(row => row.lane)).toEqual([0, 0, 0]);

  const branched = [
    { id: '4', parent_id: '2' },
    { id: '3', parent_id: '2' },
    { id: '2', parent_id: '1' },
    { id: '1', parent_id: null }
  ];
  const { rows } = extendGraph(EMPTY_GRAPH, branched);
  expect(rows.map(row => row.lane)).toEqual([0, 1, 0, 0]);
  expect(rows[2].joining).toEqual([{ lane: 1, child: '3' }]);
  expect(laneRoom(rows, 6)).toEqual([1, 2, 2, 1]);
});

test('room is left for all lanes between two rows with one, and for no more than asked', () => {
  for (const links of histories) {
    const { rows } = extendGraph(EMPTY_GRAPH, links);
    const room = laneRoom(rows, 4);
    rows.forEach(({ lane, passing, joining }, at) => {
      const needed = 1 + Math.max(lane, ...[...passing, ...joining].map(line => line.lane));
      expect(room[at]).toBeGreaterThanOrEqual(Math.min(needed, 4));
      expect(room[at]).toBeLessThanOrEqual(4);
      expect(room[at] === 1).toBe(needed === 1);
    });
  }
});
