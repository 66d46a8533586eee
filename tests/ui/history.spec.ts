/**
 * The history of a notebook in the side panel, seen, filtered and compared, with the mouse and without.
 */
import AxeBuilder from '@axe-core/playwright';
import { expect, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';

import { notebookOf } from './notebooks';

const CELLS = [
  '%load_ext mlm_jupyter\n%mlm_track --name first',
  '# Prepare\nimport math\n\ndf = [1, 2, 3]',
  'rate = 1\n%mlm_log acc=0.8',
  'df.append(4)\n%mlm_log acc=0.87',
  'df.lost()',
  '%mlm_undo 2',
  'total = sum(df)'
];

async function openNotebook(page: IJupyterLabPageFixture, path: string): Promise<void> {
  const notebook = notebookOf(CELLS, { tags: ['raises-exception'] });
  await page.contents.uploadContent(JSON.stringify(notebook), 'text', path);
  await page.notebook.openByPath(path);
  await page.evaluate(() => window.jupyterapp.commands.execute('mlm:show-panel'));
}

test('what every cell did is seen, found and compared', async ({ page, tmpPath }) => {
  const path = `${tmpPath}/history.ipynb`;
  const rows = page.locator('.jp-MlmHistory-entry');
  const list = page.locator('.jp-MlmHistory-list');
  const count = page.locator('.jp-MlmFilter-count');

  await openNotebook(page, path);
  await expect(page.getByRole('button', { name: 'Start tracking' })).toBeVisible();
  await page.notebook.run();
  await expect(count).toHaveText('7 checkpoints');
  await expect(page.locator('.jp-MlmRail-saving')).toHaveCount(0);

  // A row says what the cell did; the branch of the undone cells is beside the way to where the kernel stands.
  const logged = rows.filter({ hasText: 'df.append(4)' });
  await expect(logged).toContainText('~df');
  await expect(logged).toContainText('acc 0.87▲0.07');
  await expect(rows.filter({ hasText: 'df.lost()' })).toContainText('failed');
  await expect(rows.first()).toContainText('total = sum(df)');
  await expect(rows.first().locator('.jp-MlmRail-here')).toBeVisible();
  await expect(rows.filter({ hasText: 'df = [1, 2, 3]' })).toBeVisible();

  // Half a second after a cell has ended it is there.
  await page.notebook.addCell('code', 'late = 1');
  await page.notebook.selectCells(7);
  await page.evaluate(async () => {
    await window.jupyterapp.commands.execute('notebook:run-cell');
  });
  await expect(rows.first()).toContainText('late = 1', { timeout: 500 });
  await expect(page.locator('.jp-MlmRail-saving')).toHaveCount(0);

  // The keyboard alone: open, select, compare, filter.
  await list.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Space');
  await expect(page.locator('.jp-MlmReference')).toContainText('late = 1');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Shift+Enter');
  await expect(page.locator('.jp-MlmCompare').first()).toBeVisible();
  await list.focus();
  await page.keyboard.press('ContextMenu');
  await expect(page.getByRole('menuitem', { name: /Restore/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(list).toBeFocused();
  await page.keyboard.press('/');
  await page.keyboard.type('var:df status:ok');
  await expect(count).toHaveText('2 found');
  await page.keyboard.press('Escape');
  await expect(count).toHaveText('8 checkpoints');
  await page.keyboard.press('Escape');
  await page.keyboard.press('End');
  await expect(rows.last()).toHaveAttribute('data-active', 'true');
  await page.keyboard.press('Enter');
  await expect(page.locator('.jp-MlmCheckpoint').first()).toBeVisible();

  // The mouse: one cell's own checkpoints.
  await page.activity.activateTab('history.ipynb');
  await rows.filter({ hasText: 'late = 1' }).click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Show Only This Cell' }).click();
  await expect(count).toHaveText('1 found');
});

test('nothing in the panel is hard to reach or to read, in both themes', async ({
  page,
  tmpPath
}) => {
  await openNotebook(page, `${tmpPath}/themes.ipynb`);
  await page.notebook.run();
  await expect(page.locator('.jp-MlmFilter-count')).toHaveText('7 checkpoints');
  await page.locator('.jp-MlmHistory-list').focus();
  await page.keyboard.press('Space');
  for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
    await page.theme.setTheme(theme);
    const { violations } = await new AxeBuilder({ page }).include('.jp-MlmHistory').analyze();
    const serious = violations.filter(one => ['serious', 'critical'].includes(one.impact ?? ''));
    expect(serious.map(one => [one.id, one.nodes.map(node => node.html)])).toEqual([]);
  }
});
