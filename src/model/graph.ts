/**
 * The history drawn as a graph of commits: which lane each checkpoint has and which lines run through its row.
 */

/** All that the graph needs to know of a checkpoint. */
export interface ILink {
  id: string;
  parent_id: string | null;
}

/** A line in a lane that comes down from a checkpoint to its parent. */
interface ILine {
  lane: number;
  /** The checkpoint above: the line is part of its way to the root. */
  child: string;
}

/** What is drawn beside one checkpoint. */
export interface IGraphRow {
  lane: number;
  /** The line that comes down into it in its own lane; null at the tip of a branch. */
  above: string | null;
  /** Whether a line goes on down to its parent. */
  hasParent: boolean;
  /** Lines that pass by. */
  passing: ILine[];
  /** Lines of other lanes that end here: branches that were made here. */
  joining: ILine[];
}

/** The rows drawn so far, and what awaits a parent below them, by lane. */
export interface IGraph {
  rows: readonly IGraphRow[];
  open: readonly (IOpen | null)[];
}

interface IOpen {
  child: string;
  parent: string;
}

export const EMPTY_GRAPH: IGraph = { rows: [], open: [] };

/**
 * Draw more checkpoints below those of a graph.
 *
 * @param links - newest first, all older than what is drawn: a child always comes before its parent
 */
export function extendGraph(graph: IGraph, links: Iterable<ILink>): IGraph {
  const rows = [...graph.rows];
  const open = [...graph.open];
  for (const link of links) {
    rows.push(drawRow(link, open));
  }
  return { rows, open };
}

/**
 * How many lanes to leave room for beside each row: as many as are needed anywhere between two rows that need only one, so that
 * what stands beside the graph keeps its place around a branch, and far from one has the room.
 *
 * @param most - lanes beyond share the last one
 */
export function laneRoom(rows: readonly IGraphRow[], most: number): number[] {
  const room = rows.map(row => Math.min(laneCount(row), most));
  for (let start = 0; start < room.length;) {
    let end = start + 1;
    while (room[start] > 1 && end < room.length && room[end] > 1) {
      end += 1;
    }
    room.fill(Math.max(...room.slice(start, end)), start, end);
    start = end;
  }
  return room;
}

function laneCount(row: IGraphRow): number {
  return 1 + Math.max(row.lane, ...[...row.passing, ...row.joining].map(line => line.lane));
}

/** Return the row of one checkpoint, and change `open` to what awaits a parent below it. */
function drawRow({ id, parent_id }: ILink, open: (IOpen | null)[]): IGraphRow {
  const lane = findLane(id, open);
  const row: IGraphRow = {
    lane,
    above: open[lane]?.child ?? null,
    hasParent: parent_id !== null,
    passing: [],
    joining: []
  };
  open.forEach((line, at) => {
    if (line !== null && at !== lane) {
      (line.parent === id ? row.joining : row.passing).push({ lane: at, child: line.child });
      open[at] = line.parent === id ? null : line;
    }
  });
  open[lane] = parent_id === null ? null : { child: id, parent: parent_id };
  while (open.length > 0 && open[open.length - 1] === null) {
    open.pop();
  }
  return row;
}

/** The first lane that awaits the checkpoint, else the first free one. */
function findLane(id: string, open: readonly (IOpen | null)[]): number {
  const awaiting = open.findIndex(line => line?.parent === id);
  if (awaiting >= 0) {
    return awaiting;
  }
  const free = open.findIndex(line => line === null);
  return free >= 0 ? free : open.length;
}
