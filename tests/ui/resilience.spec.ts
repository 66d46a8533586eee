/* eslint-disable @typescript-eslint/no-explicit-any -- what runs in the page is JupyterLab's own, without its types */
/**
 * What goes wrong around an open panel: its store, its server, a second page, a new name, outputs that are too large.
 *
 * Plain Playwright, against a server of its own that can be stopped, and whose files can be broken.
 */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { type ChildProcess, execFileSync, spawn } from 'child_process';
import * as fs from 'fs';
import * as net from 'net';
import * as os from 'os';
import * as path from 'path';

import { notebookOf } from './notebooks';

let root: string;
let store: string;
let port: number;
let server: ChildProcess;

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const probe = net.createServer().listen(0, 'localhost', () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function startServer(): Promise<void> {
  server = spawn('jupyter', ['lab', '--config', 'jupyter_server_test_config.py'], {
    cwd: __dirname,
    env: { ...process.env, MLM_UI_PORT: String(port), JUPYTERLAB_GALATA_ROOT_DIR: root },
    stdio: 'ignore'
  });
  const answers = (): Promise<boolean> =>
    fetch(`http://localhost:${port}/api/status`).then(
      ({ ok }) => ok,
      () => false
    );
  await expect.poll(answers, { timeout: 60000 }).toBe(true);
}

/** Stop the server, and its kernels with it. */
async function stopServer(): Promise<void> {
  if (server.exitCode !== null) {
    return;
  }
  const ended = new Promise(resolve => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}

test.beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'mlm-resilience-'));
  store = path.join(root, '.mlm');
  fs.mkdirSync(store);
  port = await freePort();
  await startServer();
});
test.afterAll(async () => {
  await stopServer();
  fs.rmSync(root, { recursive: true, force: true });
});

/** Write a notebook of these cells. */
function write(name: string, sources: string[]): void {
  fs.writeFileSync(path.join(root, name), JSON.stringify(notebookOf(sources)));
}

/** Open a notebook with the panel beside it; each page has a workspace of its own. */
async function open(page: Page, name: string, workspace: string): Promise<void> {
  await page.goto(`http://localhost:${port}/lab/workspaces/${workspace}/tree/${name}`);
  await becomeReady(page);
  await command(page, 'mlm:show-panel');
}

async function becomeReady(page: Page): Promise<void> {
  const isReady = (): Promise<boolean> =>
    page.evaluate(() => {
      const { sessionContext } = window.jupyterapp?.shell.currentWidget as any;
      return sessionContext?.session?.kernel?.status === 'idle' && sessionContext.isReady;
    });
  await expect.poll(() => isReady().catch(() => false), { timeout: 40000 }).toBe(true);
}

async function command(page: Page, id: string, args = {}): Promise<void> {
  await page.evaluate(
    async ([name, values]) => {
      await window.jupyterapp.commands.execute(name, values);
    },
    [id, args] as const
  );
}

/** Run code as a new last cell of the notebook in front. */
async function run(page: Page, source: string): Promise<void> {
  await page.evaluate(async code => {
    const { shell, commands } = window.jupyterapp;
    const panel = [...shell.widgets('main')].find((one: any) => one.sessionContext) as any;
    shell.activateById(panel.id);
    const notebook = panel.content.model.sharedModel;
    notebook.insertCell(notebook.cells.length, { cell_type: 'code', source: code });
    panel.content.activeCellIndex = notebook.cells.length - 1;
    await commands.execute('notebook:run-cell');
  }, source);
}

function rows(page: Page): Locator {
  return page.locator('.jp-MlmHistory-entry');
}

/** What the panel says is wrong. */
function trouble(page: Page): Locator {
  return page.locator('.jp-MlmHistory').getByRole('alert');
}

/** The number of stored checkpoints that are listed. */
async function expectStored(page: Page, count: number): Promise<void> {
  await expect(rows(page)).toHaveCount(count, { timeout: 15000 });
  await expect(page.locator('.jp-MlmRail-saving')).toHaveCount(0, { timeout: 15000 });
}

function moveStore(from: string, to: string): void {
  for (const name of fs.readdirSync(from)) {
    if (name.startsWith('mlm.db')) {
      fs.renameSync(path.join(from, name), path.join(to, name));
    }
  }
}

/** Set the version of the store's format, as a newer version of the package would; returns the one before. */
function setFormat(version: string): string {
  const code = [
    'import sqlite3, sys',
    'database = sqlite3.connect(sys.argv[1])',
    'print(*database.execute("pragma user_version").fetchone())',
    'database.execute(f"pragma user_version={sys.argv[2]}")'
  ].join('\n');
  const file = path.join(store, 'mlm.db');
  return execFileSync('python', ['-c', code, file, version]).toString().trim();
}

async function expectAccessible(page: Page, selector: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).include(selector).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => [id, nodes.map(node => node.html)])).toEqual([]);
}

test('a store that is lost, broken or newer, and a server that is restarted', async ({ page }) => {
  test.setTimeout(180000);
  write('work.ipynb', ['%load_ext mlm_jupyter\n%mlm_track', 'a = 1', 'a = 2']);
  await open(page, 'work.ipynb', 'one');
  await command(page, 'notebook:run-all-cells');
  await expectStored(page, 3);

  await test.step('the store: one line says what is the matter, and goes when it is mended', async () => {
    const away = `${store}-away`;
    fs.renameSync(store, away);
    await expect(trouble(page)).toContainText('There is no project at');
    await expect(trouble(page)).toContainText('mlm init');
    fs.renameSync(away, store);
    await expect(trouble(page)).toHaveCount(0, { timeout: 10000 });

    fs.mkdirSync(away);
    moveStore(store, away);
    fs.writeFileSync(path.join(store, 'mlm.db'), 'no database at all '.repeat(500));
    await expect(trouble(page)).toContainText('mlm verify --rebuild');
    await expect(rows(page)).toHaveCount(3); // what is known stays
    fs.rmSync(path.join(store, 'mlm.db'));
    moveStore(away, store);
    await expect(trouble(page)).toHaveCount(0, { timeout: 10000 });

    const format = setFormat('999');
    await expect(trouble(page)).toContainText('newer mlm_jupyter (format 999)');
    setFormat(format);
    await expect(trouble(page)).toHaveCount(0, { timeout: 10000 });
    await run(page, 'a = 3');
    await expectStored(page, 4);
  });

  await test.step('the server: panel and views say it is gone, and go on when it is back', async () => {
    await page.locator('.jp-MlmHistory-list').focus();
    for (const key of ['Home', 'Space', 'End', 'Shift+Enter']) {
      await page.keyboard.press(key);
    }
    const comparison = page.locator('.jp-MlmCompare:visible');
    await expect(comparison).toContainText('a = 3');
    await rows(page).nth(1).dblclick();
    const view = page.locator('.jp-MlmCheckpoint:visible');
    await expect(view).toContainText('a = 2');

    await stopServer();
    await expect(trouble(page)).toContainText('The Jupyter server does not answer', {
      timeout: 20000
    });
    await expect(page.locator('#mlm-runs').getByRole('alert')).toContainText('does not answer');
    await expect(view.getByRole('alert')).toContainText('Below is what was known of it before.');
    await expect(rows(page)).toHaveCount(4);
    await startServer();
    await expect(trouble(page)).toHaveCount(0, { timeout: 10000 });
    await expect(view.getByRole('alert')).toHaveCount(0);
    await page.locator('.jp-Dialog').getByRole('button', { name: 'Close' }).click();

    await page.getByRole('tab', { name: '↔' }).click();
    await page.getByRole('button', { name: 'Swap' }).click(); // asks the server that has forgotten the project
    await expect(page.getByRole('tab', { name: '↔' })).toHaveCount(2);
    await expect(comparison).toContainText('a = 3');
    // The kernel ended with its server; JupyterLab knows after a while.
    const startKernel = (): Promise<boolean> =>
      page.evaluate(async () => {
        const { shell, serviceManager } = window.jupyterapp;
        await serviceManager.sessions.refreshRunning();
        const panel = [...shell.widgets('main')].find((one: any) => one.sessionContext) as any;
        await panel.sessionContext.changeKernel({ name: 'python3' });
        return true;
      });
    await expect.poll(() => startKernel().catch(() => false), { timeout: 30000 }).toBe(true);
    await run(page, '%load_ext mlm_jupyter\n%mlm_track');
    await run(page, 'a = 4');
    await expectStored(page, 6);
  });
});

test('two pages on one notebook, that gets another name and outputs of many megabytes', async ({
  page,
  context
}) => {
  test.setTimeout(180000);
  write('pair.ipynb', ['%load_ext mlm_jupyter\n%mlm_track', 'b = 1', 'b = 2']);
  await open(page, 'pair.ipynb', 'left');
  const other = await context.newPage();
  await open(other, 'pair.ipynb', 'right');

  await test.step('what one page does is seen in the other', async () => {
    await command(page, 'notebook:run-all-cells');
    await expectStored(page, 3);
    await expectStored(other, 3);
    await run(other, 'b = 3');
    await expectStored(page, 4);
    await rows(other).filter({ hasText: 'b = 1' }).click({ button: 'right' });
    await other.getByRole('menuitem', { name: 'Restore…' }).click();
    await other.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
    for (const one of [other, page]) {
      await expect(
        rows(one).filter({ hasText: 'b = 1' }).locator('.jp-MlmRail-here')
      ).toBeVisible();
    }
    await other.close();
  });

  await test.step('a new name keeps the history, with an idle kernel and a busy one', async () => {
    const count = await rows(page).count();
    await rename(page, 'pair.ipynb', 'renamed.ipynb');
    await expect.poll(() => names(store)).toEqual(['renamed.ipynb']); // no cell has run since
    await expect(rows(page)).toHaveCount(count);
    await page.waitForTimeout(500); // events come late
    expect(await page.evaluate(() => (window as any).fewest)).toBe(count); // they never vanished

    const ended = run(page, 'import time; time.sleep(4)');
    await expect(page.getByText('[*]')).toBeVisible();
    await rename(page, 'renamed.ipynb', 'again.ipynb');
    await expect(rows(page)).toHaveCount(count);
    expect(names(store)).toEqual(['renamed.ipynb']);
    await ended;
    await expectStored(page, count + 1);
    await expect.poll(() => names(store)).toEqual(['again.ipynb']);
    await expect(rows(page)).toHaveCount(count + 1);
  });

  await test.step('untracked, the panel says by which name the history goes, and tracking takes it along', async () => {
    const count = await rows(page).count();
    await command(page, 'mlm:stop');
    await rename(page, 'again.ipynb', 'last.ipynb');
    const notice = page.locator('.jp-MlmNotice');
    await expect(notice).toContainText('goes by its old name, again.ipynb.');
    await expect(rows(page)).toHaveCount(count);
    await expectAccessible(page, '#mlm-panel');
    await notice.getByRole('button', { name: 'Start tracking' }).click();
    await expect(notice).toHaveCount(0, { timeout: 10000 });
    await expect.poll(() => names(store)).toEqual(['last.ipynb']);
    await expect(rows(page)).toHaveCount(count + 1); // a baseline
  });

  await test.step('a restart leaves no error in the console', async () => {
    const count = await rows(page).count();
    const errors: string[] = [];
    page.on('console', message => void (message.type() === 'error' && errors.push(message.text())));
    await page.evaluate(async () => {
      const panel = window.jupyterapp.shell.currentWidget as any;
      await panel.sessionContext.session.kernel.restart();
    });
    await run(page, '%load_ext mlm_jupyter\n%mlm_track');
    await expectStored(page, count + 1);
    expect(errors.filter(text => text.includes('Comm'))).toEqual([]);
  });

  await test.step('outputs and texts of many megabytes leave the page free', async () => {
    const count = await rows(page).count();
    await run(
      page,
      [
        'import pandas as pd',
        'pd.set_option("display.max_colwidth", None)',
        'words = pd.DataFrame({"text": ["long " * 400_000] * 5})',
        'text = "y" * 20_000_000',
        'for _ in range(200):',
        '    print("0123456789 " * 9_000)',
        'words'
      ].join('\n')
    );
    await expectStored(page, count + 1);
    await command(page, 'notebook:clear-all-cell-outputs'); // what the notebook shows of it is not ours
    await watchFreezes(page);
    await rows(page).first().dblclick();
    const view = page.locator('.jp-MlmCheckpoint:visible');
    await expect(view.getByRole('tab', { name: 'Variables' })).toBeVisible({ timeout: 20000 });
    await expect(view.locator('.jp-MlmOutputs')).toContainText('0123456789');
    for (const name of ['Variables', 'Notebook', 'Cell']) {
      await view.getByRole('tab', { name }).click();
      await expect(view.getByRole('tabpanel', { name })).toBeVisible();
    }
    await page.waitForTimeout(500);
    // A few MB are kept of it, and JupyterLab draws a text at once: seldom more than a second on two busy cores.
    expect(await longestFreeze(page)).toBeLessThan(3000);
  });
});

/** Rename a notebook, and note from then on how few entries the panel ever lists. */
async function rename(page: Page, before: string, after: string): Promise<void> {
  await page.evaluate(
    async ([from, to]) => {
      const panel = document.querySelector('.jp-MlmHistory') as Element;
      const count = (): number => panel.querySelectorAll('.jp-MlmHistory-entry').length;
      const noted = window as any;
      noted.fewest = count();
      new MutationObserver(() => (noted.fewest = Math.min(noted.fewest, count()))).observe(panel, {
        childList: true,
        subtree: true
      });
      await window.jupyterapp.serviceManager.contents.rename(from, to);
    },
    [before, after] as const
  );
  await expect(page.getByRole('tab', { name: after })).toBeVisible();
}

/** By which names the store knows the histories of notebooks. */
function names(folder: string): string[] {
  const code = [
    'import sqlite3, sys',
    'database = sqlite3.connect(sys.argv[1])',
    'print(*[name for name, in database.execute("select distinct notebook from checkpoints")])'
  ].join('\n');
  const all = execFileSync('python', ['-c', code, path.join(folder, 'mlm.db')]).toString();
  return all
    .trim()
    .split(' ')
    .filter(name => name !== 'work.ipynb');
}

/** Begin to note for how long the page answers to nothing. */
function watchFreezes(page: Page): Promise<void> {
  return page.evaluate(() => {
    (window as any).freezes = [0];
    new PerformanceObserver(list => {
      (window as any).freezes.push(...list.getEntries().map(entry => entry.duration));
    }).observe({ type: 'longtask' });
  });
}

function longestFreeze(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(...(window as any).freezes));
}

test('a page from before an upgrade says that it is to be reloaded', async ({ page }) => {
  write('upgraded.ipynb', ['1 + 1']);
  await page.goto(`http://localhost:${port}/lab/workspaces/upgraded/tree/upgraded.ipynb`);
  await becomeReady(page);
  const code = '**/lab/extensions/mlm-jupyter/static/*';
  await page.route(code, route => route.fulfill({ status: 404 }));
  await command(page, 'mlm:show-panel');
  const alerts = page.locator('#mlm-panel').getByRole('alert');
  await expect(alerts).toHaveCount(2); // the history and the runs
  await expect(alerts.first()).toContainText('could not be loaded');
  await expectAccessible(page, '#mlm-panel');
  await page.unroute(code);
  await Promise.all([
    page.waitForEvent('load'),
    alerts.first().getByRole('button', { name: 'Reload the page' }).click()
  ]);
  await becomeReady(page);
  await command(page, 'mlm:show-panel');
  await expect(page.getByRole('combobox', { name: 'Filter the history' })).toBeVisible();
  await expect(page.getByText('could not be loaded')).toHaveCount(0);
});

test('everything can be read and reached, in both themes', async ({ page }) => {
  test.setTimeout(120000);
  write('read.ipynb', [
    '%load_ext mlm_jupyter\n%mlm_track',
    'import numpy as np\nx = np.arange(6)\n%mlm_log acc=0.5\nx',
    'x = x + 1\nprint(x)\n%mlm_log acc=0.75',
    '1 / 0'
  ]);
  await open(page, 'read.ipynb', 'themes');
  await command(page, 'notebook:run-all-cells');
  await expectStored(page, 4);
  await rows(page).nth(1).dblclick();
  const view = page.locator('.jp-MlmCheckpoint:visible');
  await expect(view.getByRole('tab')).toHaveText(['Cell', 'Variables', 'Notebook', 'Environment']);
  for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
    await command(page, 'apputils:change-theme', { theme });
    await expectAccessible(page, '#mlm-panel');
    for (const name of await view.getByRole('tab').allInnerTexts()) {
      await view.getByRole('tab', { name }).click();
      await expect(view.getByRole('tabpanel', { name })).toBeVisible();
      await expectAccessible(page, '.jp-MlmCheckpoint');
    }
    await rows(page).nth(2).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Restore…' }).click();
    await expect(page.getByRole('dialog')).toContainText('Save the present state first');
    await expectAccessible(page, '.jp-Dialog');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  }
});
