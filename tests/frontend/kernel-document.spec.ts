/**
 * What a kernel is told of a notebook, put together on its side, is the notebook.
 */
import { YNotebook } from '@jupyter/ydoc';

import { DocumentTeller, type IDocument, type ITold } from '../../src/kernel/document';

/** The kernel's side: as `DocumentSource.tell` of capture/document.py does it. */
class Hearer {
  cells = new Map<string, ITold>();
  path?: string;
  metadata?: { [key: string]: unknown };

  hear(told: IDocument | null): void {
    told?.cells.forEach(cell => this.cells.set(cell.id, cell));
    if (told?.order) {
      this.cells = new Map(told.order.map(id => [id, this.cells.get(id)!]));
    }
    this.path = told?.path ?? this.path;
    this.metadata = told?.metadata ?? this.metadata;
  }
}

function makeNotebook(count: number): YNotebook {
  const notebook = YNotebook.create({ disableDocumentWideUndoRedo: true }) as YNotebook;
  notebook.insertCells(
    0,
    Array.from({ length: count }, (_, n) => ({
      cell_type: n % 5 ? 'code' : 'markdown',
      source: `line ${n}\n`.repeat(5)
    }))
  );
  return notebook;
}

function shown(notebook: YNotebook): [string, string, string][] {
  return notebook.cells.map(cell => [cell.getId(), cell.cell_type, cell.getSource()]);
}

/** A random number generator that repeats (mulberry32). */
function randomly(seed: number): (below: number) => number {
  return below => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function edit(notebook: YNotebook, random: (below: number) => number): void {
  const count = notebook.cells.length;
  const at = random(count);
  const cell = notebook.cells[at];
  switch (random(7)) {
    case 0:
      notebook.insertCell(at, { cell_type: 'code', source: `new ${random(1000)}` });
      break;
    case 1:
      if (count > 1) {
        notebook.deleteCell(at);
      }
      break;
    case 2:
      notebook.moveCell(at, random(count));
      break;
    case 3: // another type: the same id in another object
      notebook.transact(() => {
        const { id, source } = cell.toJSON();
        const cell_type = cell.cell_type === 'code' ? 'markdown' : 'code';
        notebook.deleteCell(at);
        notebook.insertCell(at, { id: id as string, cell_type, source });
      });
      break;
    case 4:
      notebook.undo();
      break;
    case 5:
      cell.undo();
      break;
    default:
      cell.setSource(`edit ${random(1000)}`);
  }
}

test('however a notebook is edited, the kernel knows its cells', () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomly(seed);
    const notebook = makeNotebook(8);
    notebook.clearUndoHistory();
    const teller = new DocumentTeller(notebook);
    const hearer = new Hearer();
    for (let step = 0; step < 40; step++) {
      for (let edits = random(4); edits > 0; edits--) {
        edit(notebook, random);
      }
      if (random(15) === 0) {
        teller.forget();
        hearer.cells.clear();
      }
      hearer.hear(teller.take('a.ipynb'));
      expect([...hearer.cells.values()].map(c => [c.id, c.cell_type, c.source])).toEqual(
        shown(notebook)
      );
    }
    teller.dispose();
    notebook.dispose();
  }
});

test('only what changed is said', () => {
  const notebook = makeNotebook(20);
  const teller = new DocumentTeller(notebook);
  const first = teller.take('a.ipynb');
  expect(first?.cells).toHaveLength(20);
  expect(first?.order).toHaveLength(20);
  expect(first?.path).toBe('a.ipynb');
  expect(teller.take('a.ipynb')).toBeNull();

  const [cell] = notebook.cells.slice(7);
  cell.setSource('x = 1');
  expect(teller.take('a.ipynb')).toEqual({
    cells: [{ id: cell.getId(), cell_type: 'code', source: 'x = 1', metadata: {} }]
  });
  cell.setSource('x = 2');
  cell.setSource('x = 1');
  expect(teller.take('a.ipynb')).toBeNull();

  notebook.moveCell(7, 0);
  expect(Object.keys(teller.take('a.ipynb') ?? {})).toContain('order');
  expect(teller.take('b.ipynb')).toEqual({ cells: [], path: 'b.ipynb' });
  notebook.setMetadata('title', 'Tour');
  notebook.setMetadata('widgets', { large: 'x'.repeat(1000) });
  expect(teller.take('b.ipynb')?.metadata).toEqual({ title: 'Tour' });
});

test('running a cell is no change of the document', () => {
  const notebook = makeNotebook(3);
  const teller = new DocumentTeller(notebook);
  teller.take('a.ipynb');
  const cell = notebook.cells[1];
  cell.setMetadata('execution', { 'iopub.status.busy': '2026-11-21T05:00:00Z' });
  cell.setMetadata('trusted', true);
  expect(teller.take('a.ipynb')).toBeNull();
});

test('a thousand cells cost what changed in them', () => {
  const notebook = makeNotebook(1000);
  const teller = new DocumentTeller(notebook);
  teller.take('a.ipynb');
  const times = Array.from({ length: 20 }, (_, n) => {
    notebook.cells[n * 40].setSource(`changed ${n}`);
    const start = performance.now();
    expect(teller.take('a.ipynb')?.cells).toHaveLength(1);
    return performance.now() - start;
  });
  times.sort((a, b) => a - b);
  expect(times[10]).toBeLessThan(2);
});
