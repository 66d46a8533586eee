/**
 * The table of variables: which rows there are and in which order, and what a row opens to.
 */
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';

import { PreviewView, VariableTable } from '../../src/panels/variables';
import {
  type IVariableQuery,
  selectRows,
  shapeText,
  toRows,
  type VariableColumn
} from '../../src/panels/variables/rows';
import type { Changes, Variable } from '../../src/schema';

const trans = nullTranslator.load('mlm_jupyter');
const ALL: IVariableQuery = { text: '', onlyMarked: false, column: 'name', isDescending: false };
const COLUMNS: VariableColumn[] = ['name', 'type', 'shape', 'size', 'status', 'value'];

function variable(name: string, more: Partial<Variable> = {}): Variable {
  return {
    name,
    type: 'int',
    status: 'stored',
    preview: { text: '1', number: 1 },
    fingerprint: 'f',
    size_bytes: 15,
    ...more
  };
}

const FRAME = variable('frame', {
  type: 'pandas.DataFrame',
  size_bytes: 6200,
  preview: {
    text: '20 rows x 3 columns',
    shape: [20, 3],
    columns: [
      { name: 'a', dtype: 'int64' },
      { name: 'b', dtype: 'str' },
      { name: 'c', dtype: 'float64' }
    ],
    rows: [['0', '1', '<b>bold</b>']],
    is_truncated: true
  }
});
const LOCK = variable('lock', {
  type: '_thread.lock',
  status: 'not_captured',
  reason: 'cannot be pickled',
  size_bytes: null,
  preview: { text: '<unlocked>' }
});
const SOME = [variable('x10'), FRAME, LOCK, variable('x2', { preview: { text: '7', number: 7 } })];

const names = (query: Partial<IVariableQuery>, changes?: Changes): string[] =>
  selectRows(toRows(SOME, changes), { ...ALL, ...query }).map(row => row.variable.name);

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

describe('selectRows', () => {
  it.each(COLUMNS)('keeps every row whichever way it is sorted by %s', column => {
    const up = names({ column });
    const down = names({ column, isDescending: true });
    expect([...up].sort()).toEqual(SOME.map(({ name }) => name).sort());
    expect([...down].sort()).toEqual([...up].sort());
  });

  it('sorts names as people count', () => {
    expect(names({})).toEqual(['frame', 'lock', 'x2', 'x10']);
  });

  it('has what is not known last, either way', () => {
    expect(names({ column: 'size' }).at(-1)).toBe('lock');
    expect(names({ column: 'size', isDescending: true })[0]).toBe('frame');
    expect(names({ column: 'size', isDescending: true }).at(-1)).toBe('lock');
  });

  it('finds words in names, types and values, all of them in one row', () => {
    expect(names({ text: 'dataframe ROWS' })).toEqual(['frame']);
    expect(names({ text: 'dataframe unlocked' })).toEqual([]);
  });

  it('shows only what changed when asked to', () => {
    const changes = { added: ['x2'], changed: ['lock'], removed: ['gone'], between: [] };
    expect(names({ onlyMarked: true }, changes)).toEqual(['lock', 'x2']);
  });

  it('goes through 5,000 variables in a blink', () => {
    const many = toRows(Array.from({ length: 5000 }, (_, i) => variable(`v${(i * 7919) % 5000}`)));
    const start = performance.now();
    const rows = selectRows(many, ALL);
    expect(performance.now() - start).toBeLessThan(500);
    expect(rows[4999].variable.name).toBe('v4999');
  });
});

describe('shapeText', () => {
  it('says how large a value is in its own terms', () => {
    expect(shapeText({ text: '', shape: [1000, 4] }, trans)).toBe(`${(1000).toLocaleString()} × 4`);
    expect(shapeText({ text: '', length: 1 }, trans)).toBe('1 item');
    const many = (200_000).toLocaleString();
    expect(shapeText({ text: '', length: 200_000 }, trans)).toBe(`${many} items`);
    expect(shapeText({ text: '', shape: [] }, trans)).toBe('');
  });
});

describe('on screen', () => {
  let host: HTMLElement;
  let root: Root;

  beforeEach(() => {
    // There is no layout here: everything is as large as it says.
    jest.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(400);
    jest.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(800);
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
  });

  afterEach(() => {
    React.act(() => root.unmount());
    host.remove();
    jest.restoreAllMocks();
  });

  const draw = (element: React.ReactElement): void => React.act(() => root.render(element));
  const button = (name: string): HTMLButtonElement =>
    host.querySelector<HTMLButtonElement>(`button[title="${name}"]`)!;

  it('opens a row to all that is known, as text', () => {
    draw(<VariableTable variables={SOME} trans={trans} label="Variables" />);
    expect(button('frame').getAttribute('aria-expanded')).toBe('false');
    React.act(() => button('frame').click());
    expect(button('frame').getAttribute('aria-expanded')).toBe('true');
    expect(host.textContent).toContain('pandas.DataFrame');
    expect(host.querySelectorAll('.jp-MlmPreview-table tbody td')[1].textContent).toBe(
      '<b>bold</b>'
    );
    expect(host.querySelector('b')).toBeNull();
    expect(host.textContent).toContain('More columns: c (float64)');
  });

  it('opens a row wherever it is clicked, but not where a text was being selected', () => {
    draw(<VariableTable variables={SOME} trans={trans} label="Variables" />);
    const value = host.querySelector<HTMLElement>('[data-index="0"] [data-column="value"]')!;
    const click = (detail: number, on: HTMLElement): void =>
      React.act(() => void on.dispatchEvent(new MouseEvent('click', { bubbles: true, detail })));
    click(1, value);
    expect(button('frame').getAttribute('aria-expanded')).toBe('true');
    window.getSelection()!.selectAllChildren(value);
    click(1, value);
    expect(button('frame').getAttribute('aria-expanded')).toBe('true');
    click(0, button('frame')); // by a key
    expect(button('frame').getAttribute('aria-expanded')).toBe('false');
  });

  it('says why a value is not stored', () => {
    draw(<VariableTable variables={SOME} trans={trans} label="Variables" />);
    React.act(() => button('lock').click());
    expect(host.textContent).toContain('Not captured');
    expect(host.textContent).toContain('cannot be pickled');
  });

  it('marks what changed by a word, not by colour alone, and names what was removed', () => {
    const changes = { added: ['x2'], changed: ['frame'], removed: ['gone'], between: ['frame'] };
    draw(<VariableTable variables={SOME} trans={trans} label="Variables" changes={changes} />);
    expect(host.textContent).toContain('Added here');
    expect(host.textContent).toContain('Changed outside the cell');
    expect(host.textContent).toContain('Removed here: gone');
  });

  it('tells by which column it is sorted, and turns round', () => {
    draw(<VariableTable variables={SOME} trans={trans} label="Variables" />);
    const size = host.querySelector('[data-column="size"]')!;
    expect(size.getAttribute('aria-sort')).toBe('none');
    React.act(() => size.querySelector('button')!.click());
    expect(size.getAttribute('aria-sort')).toBe('descending');
    React.act(() => size.querySelector('button')!.click());
    expect(size.getAttribute('aria-sort')).toBe('ascending');
  });

  it('draws a few rows of 5,000, one of them reached by Tab', () => {
    const many = Array.from({ length: 5000 }, (_, i) => variable(`v${i}`));
    draw(<VariableTable variables={many} trans={trans} label="Variables" />);
    const drawn = host.querySelectorAll('.jp-MlmVariables-row');
    expect(drawn.length).toBeGreaterThan(3);
    expect(drawn.length).toBeLessThan(60);
    expect(host.querySelectorAll('.jp-MlmVariables-name[tabindex="0"]')).toHaveLength(1);
    expect(host.querySelector('[role=table]')?.getAttribute('aria-rowcount')).toBe('5001');
  });

  it('says what to do when nothing is there', () => {
    draw(<VariableTable variables={[]} trans={trans} label="Variables" />);
    expect(host.textContent).toContain('There were no variables at this moment.');
  });

  it('draws no more of a preview than can be read', () => {
    draw(<PreviewView preview={{ text: 'x'.repeat(1e7) }} trans={trans} />);
    expect(host.textContent!.length).toBeLessThan(30_000);
    expect(host.textContent).toContain('This is the beginning only');
  });
});
