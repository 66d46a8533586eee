/**
 * Two people in one notebook, with jupyter-collaboration, below a prefix and with a token, as a hub serves it.
 *
 * Runs where an environment with it is given (`make test-collaboration`); plain Playwright, for Galata's pages have no token.
 */
import { type Browser, expect, type Locator, type Page, test } from '@playwright/test';

import { notebookOf } from './notebooks';

const CELLS = ['%load_ext mlm_jupyter\n%mlm_track', 'total = 1', 'total = 2', 'print(total)'];
const TOKEN = { Authorization: 'token secret' };

interface ICheckpoint {
  id: string;
  ordinal: number;
  source: string;
}

async function enter(browser: Browser, name: string, baseURL: string): Promise<Page> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  await page.goto('api/me?token=secret');
  const answer = await page.request.patch('api/me', {
    headers: TOKEN,
    data: { name, display_name: name }
  });
  expect((await answer.json()).identity.name).toBe(name);
  return page;
}

async function open(page: Page, path: string): Promise<void> {
  await page.goto(`lab/workspaces/${Date.now()}/tree/${path}`);
  await expect(page.getByText(/Python 3.*\| Idle/)).toBeVisible({ timeout: 40000 });
  await page.getByRole('menuitem', { name: 'View', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Show Notebook History' }).click();
}

const entries = (page: Page): Locator => page.locator('.jp-MlmHistory-entry');
const editor = (page: Page, at: number): Locator =>
  page.locator('.jp-Notebook .jp-CodeCell .cm-content').nth(at);

async function type(page: Page, at: number, text: string): Promise<void> {
  await editor(page, at).click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(text);
}

async function ask<T>(page: Page, what: string): Promise<T> {
  return (await page.request.get(`mlm/projects${what}`, { headers: TOKEN })).json();
}

test('two people share a notebook and its history', async ({ browser, baseURL }, { project }) => {
  test.slow(); // two pages, one behind the other
  const path = `shared-${project.name}-${Date.now()}.ipynb`;
  const ada = await enter(browser, 'Ada', baseURL!);
  await ada.request.put(`api/contents/${path}`, {
    headers: TOKEN,
    data: { type: 'notebook', format: 'json', content: notebookOf(CELLS) }
  });

  // The first Run All has the cells as they are shown.
  await open(ada, path);
  await type(ada, 3, '  # Ada');
  await ada.getByRole('menuitem', { name: 'Run', exact: true }).click();
  await ada.getByRole('menuitem', { name: /^Run All Cells/ }).click();
  await expect(entries(ada)).toHaveCount(4, { timeout: 20000 });

  // The other sees it; what either runs, both see once.
  const bob = await enter(browser, 'Bob', baseURL!);
  await open(bob, path);
  await expect(entries(bob)).toHaveCount(4, { timeout: 20000 });
  await type(bob, 2, '  # Bob');
  await bob.keyboard.press('Control+Enter');
  await expect(entries(ada)).toHaveCount(5);
  await expect(editor(ada, 2)).toHaveText('total = 2  # Bob');
  await type(ada, 1, '0');
  await ada.keyboard.press('Control+Enter');
  await expect(entries(bob)).toHaveCount(6);
  await expect(entries(ada)).toHaveCount(6);

  const { id } = (await ask<{ items: { id: string }[] }>(ada, `?notebook=${path}`)).items[0];
  const { items } = await ask<{ items: ICheckpoint[] }>(ada, `/${id}/checkpoints`);
  const kept = await Promise.all(
    items.reverse().map(async made => {
      const { author } = await ask<{ author: string }>(ada, `/${id}/checkpoints/${made.id}`);
      const { cells } = await ask<{ cells: { source: string; id: string }[] }>(
        ada,
        `/${id}/checkpoints/${made.id}/notebook`
      );
      expect(cells.map(cell => cell.id)).toEqual(CELLS.map((_, at) => `cell-${at}`));
      return [author, ...cells.slice(1).map(cell => cell.source)];
    })
  );
  const first = ['Ada', 'total = 1', 'total = 2', 'print(total)  # Ada'];
  expect(kept).toEqual([
    ...[first, first, first, first],
    ['Bob', 'total = 1', 'total = 2  # Bob', 'print(total)  # Ada'],
    ['Ada', 'total = 10', 'total = 2  # Bob', 'print(total)  # Ada']
  ]);

  // One goes back, cells too: so it is for both.
  await entries(bob).filter({ hasText: 'total = 1' }).last().click({ button: 'right' });
  await bob.getByRole('menuitem', { name: 'Restore…' }).click();
  const dialog = bob.getByRole('dialog');
  await dialog.getByRole('checkbox', { name: /cells and outputs back too/ }).check();
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await expect(editor(ada, 2)).toHaveText('total = 2');
  await editor(ada, 3).click();
  await ada.keyboard.press('Control+Enter');
  await expect(ada.locator('.jp-CodeCell').nth(3).locator('.jp-OutputArea-output')).toHaveText('1');
});
