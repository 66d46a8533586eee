/**
 * One journey in every frontend that is supported: Notebook 7, and the oldest JupyterLab where that is installed.
 *
 * Plain Playwright, for Galata's helpers want the newest JupyterLab.
 */
import { expect, type Page, test as base } from '@playwright/test';

import { notebookOf } from './notebooks';

/** Where a notebook opens, below the server's address. */
const test = base.extend<{ view: string }>({ view: ['lab/tree', { option: true }] });

const CELLS = [
  '%load_ext mlm_jupyter\n%mlm_track',
  'total = 1',
  'total = 2',
  'print(f"it is {total}")'
];

async function put(page: Page, path: string): Promise<void> {
  const answer = await page.request.put(`/api/contents/${path}`, {
    data: { type: 'notebook', format: 'json', content: notebookOf(CELLS) }
  });
  expect(answer.ok()).toBe(true);
}

async function choose(page: Page, menu: string, item: string | RegExp): Promise<void> {
  await page.getByRole('menuitem', { name: menu, exact: true }).first().click();
  await page.getByRole('menuitem', { name: item }).first().click();
}

/** The sources of the notebook at the checkpoint that a cell left. */
async function sourcesAt(page: Page, path: string, source: string): Promise<string[]> {
  const ask = async (what: string) => (await page.request.get(`/mlm/projects${what}`)).json();
  const { id } = (await ask(`?notebook=${path}`)).items[0];
  const { items } = await ask(`/${id}/checkpoints`);
  const made = items.find((one: { source?: string }) => one.source === source);
  const { cells } = await ask(`/${id}/checkpoints/${made.id}/notebook`);
  return cells.map((cell: { source: string }) => cell.source);
}

test('a notebook is tracked, seen, compared and put back', async ({ page, view }, { project }) => {
  const failures: string[] = [];
  page.on('pageerror', error => {
    if (error.stack?.includes('mlm-jupyter')) {
      failures.push(error.stack); // Notebook 7 has an error of its own when it starts
    }
  });
  const path = `everywhere-${project.name}-${Date.now()}.ipynb`;
  await put(page, path);
  await page.goto(`/${view}/${path}`);
  await expect(
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first()
  ).toBeVisible({
    timeout: 40000
  });
  await choose(page, 'View', 'Show Notebook History');
  const last = page.locator('.jp-Notebook .jp-CodeCell').last();
  await last.locator('.cm-content').click();
  await page.keyboard.type('# not saved');
  await choose(page, 'Run', /^Run All Cells/);
  const rows = page.locator('.jp-MlmHistory-entry');
  await expect(rows).toHaveCount(4, { timeout: 20000 });
  const shown = [...CELLS.slice(0, 3), `${CELLS[3]}# not saved`];
  expect(await sourcesAt(page, path, 'total = 1')).toEqual(shown);

  await page.locator('.jp-MlmHistory-list').focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Space');
  await page.keyboard.press('End');
  await page.keyboard.press('Shift+Enter');
  const comparison = page.locator('.jp-MlmCompare').first();
  await expect(comparison).toContainText('total', { timeout: 20000 });

  await rows.filter({ hasText: 'total = 1' }).click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Restore…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('total');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await expect(page.locator('.jp-toast-message, .Toastify__toast').first()).toContainText(
    'The kernel is back at checkpoint'
  );

  await page.getByRole('tab', { name: path }).or(page.locator('.jp-Notebook')).first().click();
  await last.click();
  await page.keyboard.press('Control+Enter');
  await expect(last.locator('.jp-OutputArea-output').first()).toContainText('it is 1');
  await page.screenshot({ path: `tests/ui/test-results/everywhere-${project.name}.png` });
  expect(failures).toEqual([]);
});
