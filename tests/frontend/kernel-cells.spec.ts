/**
 * Cells that are put back are as they were, and one undo takes it back.
 */
import { YNotebook } from '@jupyter/ydoc';

import { planCells, replaceCells } from '../../src/kernel/cells';

type Cells = Parameters<typeof planCells>[1];

function make(sources: string[], isDocumentWide = false): YNotebook {
  const notebook = YNotebook.create({
    disableDocumentWideUndoRedo: !isDocumentWide
  }) as YNotebook;
  const outputs = [{ output_type: 'stream', name: 'stdout', text: 'hello\n' }];
  notebook.insertCells(
    0,
    sources.map(source => ({ id: `id-${source}`, cell_type: 'code', source, outputs }))
  );
  return notebook;
}

function cellsOf(notebook: YNotebook): Cells {
  return notebook.cells.map(cell => cell.toJSON()) as Cells;
}

const CASES: [string, string[], string[]][] = [
  ['nothing changed', ['a', 'b', 'c'], ['a', 'b', 'c']],
  ['a cell was added', ['a', 'b'], ['a', 'new', 'b']],
  ['a cell was removed', ['a', 'b', 'c'], ['a', 'c']],
  ['the first went last', ['a', 'b', 'c', 'd'], ['b', 'c', 'd', 'a']],
  ['all are others', ['a', 'b'], ['x', 'y', 'z']],
  ['two ends changed', ['a', 'b', 'c', 'd', 'e'], ['x', 'b', 'c', 'd', 'y']]
];

test.each(CASES)('%s: back in one step, and forth in one undo', (_, then, now) => {
  for (const isDocumentWide of [false, true]) {
    const stored = cellsOf(make(then));
    const notebook = make(now, isDocumentWide);
    notebook.clearUndoHistory();
    const present = cellsOf(notebook);
    replaceCells(notebook, planCells(notebook, stored));
    expect(cellsOf(notebook)).toEqual(stored);
    expect(planCells(notebook, stored)).toEqual([]);
    if (JSON.stringify(then) !== JSON.stringify(now)) {
      notebook.undo();
      expect(notebook.canUndo()).toBe(false);
    }
    expect(cellsOf(notebook)).toEqual(present);
  }
});

test('a cell that is as it was stays the very cell, with its editor and its widgets', () => {
  const notebook = make(['b', 'c', 'd', 'a']);
  const kept = notebook.cells.slice(0, 3);
  replaceCells(notebook, planCells(notebook, cellsOf(make(['a', 'b', 'c', 'd']))));
  expect(notebook.cells.slice(1)).toEqual(kept);
  notebook.cells.slice(1).forEach((cell, at) => expect(cell).toBe(kept[at]));
});

test('cells that were given new ids, as in each opening of an old file, are known by their text, and stay', () => {
  const stored = cellsOf(make(['a', 'b', 'b', 'c']));
  const notebook = make(['a', 'x', 'b', 'b', 'c']);
  const anew = cellsOf(notebook).map((cell, at) => ({ ...cell, id: `new-${at}` }));
  notebook.deleteCellRange(0, 5);
  notebook.insertCells(0, anew as Cells);
  notebook.cells.forEach(cell => cell.setMetadata('trusted', true));
  const kept = [0, 2, 3, 4].map(at => notebook.cells[at]);
  const plan = planCells(notebook, stored);
  expect(plan).toEqual([{ start: 1, end: 2, cells: [] }]);
  replaceCells(notebook, plan);
  notebook.cells.forEach((cell, at) => expect(cell).toBe(kept[at]));
  expect(planCells(notebook, stored)).toEqual([]);
});

test('an edited source, other outputs, another count: each is a difference; texts in lines and trust are none', () => {
  const notebook = make(['a', 'b', 'c', 'd']);
  const stored = JSON.parse(JSON.stringify(cellsOf(notebook)));
  stored[0].outputs[0].text = ['hello\n'];
  stored[0].metadata.trusted = true;
  expect(planCells(notebook, stored)).toEqual([]);
  stored[0].source = 'edited';
  stored[1].outputs = [];
  stored[3].execution_count = 7;
  expect(planCells(notebook, stored).map(({ start, end }) => [start, end])).toEqual([
    [0, 2],
    [3, 4]
  ]);
});

test('an edit just before is a step of its own', () => {
  const notebook = make(['a', 'b'], true);
  notebook.cells[0].setSource('edited');
  replaceCells(notebook, planCells(notebook, cellsOf(make(['a', 'b']))));
  notebook.undo();
  expect(notebook.cells[0].getSource()).toBe('edited');
});

test('outputs of the store are trusted only where the same are shown and trusted; without any there is nothing to fear', () => {
  const notebook = make(['a', 'b', 'c']);
  notebook.cells.forEach(cell => cell.setMetadata('trusted', true));
  const stored = JSON.parse(JSON.stringify(cellsOf(make(['a', 'b', 'new']))));
  stored[0].source = 'edited';
  stored[1].outputs = [{ output_type: 'stream', name: 'stdout', text: '<script>' }];
  stored[2].metadata = { trusted: true, tags: ['x'] };
  stored.push({ id: 'empty', cell_type: 'code', source: '', metadata: {}, outputs: [] });
  replaceCells(notebook, planCells(notebook, stored));
  expect(notebook.cells.map(cell => cell.getMetadata())).toEqual([
    { trusted: true },
    {},
    { tags: ['x'] },
    { trusted: true }
  ]);
});
