/* eslint-disable @typescript-eslint/no-explicit-any -- what runs in the page is JupyterLab's own, without its types */
/**
 * Acting on a kernel from the page: what the user does with the mouse, checked inside the kernel.
 */
import { expect, galata, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';

type Page = Pick<IJupyterLabPageFixture, 'evaluate'>;

// Galata's own bookkeeping of kernels cannot read the empty answer to an interrupt.
test.use({ kernels: null, sessions: null });

test.afterEach(async ({ page }) => {
  await page.evaluate(() => window.jupyterapp.serviceManager.sessions.shutdownAll());
});

/** Run code as a new last cell of the notebook in front. */
async function run(page: Page, source: string, wait = true): Promise<void> {
  await page.evaluate(
    async ([code, isAwaited]) => {
      const app = window.jupyterapp;
      const { content } = app.shell.currentWidget as any;
      const notebook = content.model.sharedModel;
      notebook.insertCell(notebook.cells.length, { cell_type: 'code', source: code });
      content.activeCellIndex = notebook.cells.length - 1;
      const done = app.commands.execute('notebook:run-cell');
      if (isAwaited) {
        await done;
      }
    },
    [source, wait] as const
  );
}

/** The repr of an expression in the kernel, asked without a trace. */
function inKernel(page: Page, expression: string): Promise<string> {
  return page.evaluate(async text => {
    const { kernel } = (window.jupyterapp.shell.currentWidget as any).sessionContext.session;
    const future = kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      user_expressions: { answer: text }
    });
    const { answer } = (await future.done).content.user_expressions;
    return answer.data?.['text/plain'] ?? `${answer.ename}: ${answer.evalue}`;
  }, expression);
}

function command(page: Page, id: string, args = {}): Promise<unknown> {
  return page.evaluate(([name, values]) => window.jupyterapp.commands.execute(name, values), [
    id,
    args
  ] as const);
}

/** What the server answers, below /mlm/. */
function get(page: Page, path: string): Promise<any> {
  return page.evaluate(async at => (await fetch(`/mlm/${at}`)).json(), path);
}

function sources(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { content } = window.jupyterapp.shell.currentWidget as any;
    return content.model.sharedModel.cells.map((cell: any) => cell.getSource());
  });
}

function isBusy(page: Page): Promise<boolean> {
  return page.evaluate(
    () =>
      (window.jupyterapp.shell.currentWidget as any).sessionContext.session.kernel.status === 'busy'
  );
}

/** The path of the notebook in front, and its project and checkpoints as the server has them. */
async function history(page: Page): Promise<{ project: string; items: any[] }> {
  const path = await page.evaluate(
    () => (window.jupyterapp.shell.currentWidget as any).context.path
  );
  const { items: projects } = await get(page, `projects?notebook=${encodeURIComponent(path)}`);
  if (!projects.length) {
    return { project: '', items: [] };
  }
  const [{ id, notebook }] = projects;
  const { items } = await get(
    page,
    `projects/${id}/checkpoints?notebook=${encodeURIComponent(notebook)}`
  );
  return { project: id, items };
}

/** Add a cell that is not run. */
function add(page: Page, source: string): Promise<void> {
  return page.evaluate(code => {
    const { content } = window.jupyterapp.shell.currentWidget as any;
    content.model.sharedModel.insertCell(0, { cell_type: 'markdown', source: code });
  }, source);
}

test('track, go on, and go back with the cells', async ({ page }) => {
  await page.notebook.createNew();
  const state = page.locator('.jp-MlmTracking-state');
  await expect(state).toBeVisible(); // the kernel is there
  await expect(state).toHaveText('Not tracked');
  await run(page, 'import sys; sys.modules["mlm_jupyter"] = None; data = [1, 2, 3]');
  await command(page, 'mlm:track');
  await expect(page.getByRole('button', { name: 'Copy the install line' })).toBeVisible();
  await run(page, 'del sys.modules["mlm_jupyter"]');
  await state.click();
  await page.getByRole('menuitem', { name: 'Start Tracking' }).click();
  await expect(state).toHaveText('Tracked');
  const before = Number(await inKernel(page, 'len(In)'));

  await run(page, 'data.append(4); total = sum(data)');
  await add(page, '# A heading, not saved and not run');
  await run(page, 'print(total)');
  await page.getByRole('button', { name: 'Make a checkpoint now' }).click();
  await expect(page.getByText(/^Checkpoint #\d+ is made/)).toBeVisible();
  const { project, items } = await history(page);
  const [then] = items;
  expect(then.kind).toBe('manual');
  await expect(page.locator('.jp-MlmStatus')).toContainText(`#${then.ordinal}`);
  const cells = await sources(page);
  const stored = await get(page, `projects/${project}/checkpoints/${then.id}/notebook`);
  expect(stored.cells.map((cell: { source: string }) => cell.source)).toEqual(cells);

  await run(page, 'data = None; del total; later = object()');
  const restoring = command(page, 'mlm:restore', { project, checkpoint: then.id });
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('2 variables get the values they had:');
  await expect(dialog).toContainText('1 variable did not exist then and will be removed:');
  await dialog.getByLabel(/cells and outputs/).check();
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await restoring;
  await expect(page.locator('.jp-MlmStatus')).toContainText(`#${then.ordinal}`); // and not the newest
  expect(await inKernel(page, 'data, total')).toBe('([1, 2, 3, 4], 10)');
  expect(await inKernel(page, 'later')).toContain('NameError');
  expect(await sources(page)).toEqual(cells);
  await page.getByRole('button', { name: 'Details' }).click();
  await expect(dialog).toContainText('2 variables have the values they had:');
  await dialog.getByRole('button', { name: 'Close' }).click();

  await command(page, 'notebook:undo-cell-action');
  expect((await sources(page)).at(-1)).toContain('later = object()');
  await command(page, 'mlm:undo'); // the checkpoint before: of the cell that printed, with the same variables
  await command(page, 'mlm:undo');
  expect(await inKernel(page, 'data, total')).toBe('([1, 2, 3, 4], 10)');
  await command(page, 'mlm:undo');
  expect(await inKernel(page, 'data')).toBe('[1, 2, 3]');
  expect(await inKernel(page, 'total')).toContain('NameError');
  expect(Number(await inKernel(page, 'len(In)'))).toBe(before + 3); // the three cells, and nothing of ours

  await state.click();
  await page.getByRole('menuitem', { name: 'Pause Tracking' }).click();
  await expect(state).toHaveText('Tracking paused');
  await page.reload({ waitForIsReady: false } as object);
  await expect(state).toHaveText('Tracking paused'); // found again in the kernel that went on
  await command(page, 'mlm:resume');
  await add(page, 'After the reload');
  await run(page, 'last = 1');
  await expect.poll(() => topOfLatest(page)).toBe('After the reload');
});

test('a kernel that dies or is restarted gets its state back', async ({ page }) => {
  await page.notebook.createNew();
  await command(page, 'mlm:track');
  await run(page, 'answer = 41\nnames = {"a": [1]}\nalias = names["a"]');
  await run(page, 'answer += 1; handle = open("/dev/null")');
  await expect.poll(async () => (await history(page)).items[0]?.source).toContain('answer += 1');
  const [{ ordinal }] = (await history(page)).items;

  const ownWord = page.getByRole('dialog').filter({ hasText: 'Kernel Restarting' });
  await page.addLocatorHandler(ownWord, dialog =>
    dialog.getByRole('button', { name: 'Ok' }).click()
  );
  for (const time of [1, 2]) {
    // the second time before any cell was run
    process.kill(Number(await inKernel(page, '__import__("os").getpid()')), 'SIGKILL');
    await page.getByRole('button', { name: 'Restore the last state' }).click();
    const told = page.getByText(`The kernel is back at checkpoint #${ordinal}.`);
    await expect(told).toHaveCount(time, { timeout: 20000 }); // a kernel starts
    expect(await inKernel(page, 'answer, alias is names["a"]')).toBe('(42, True)');
  }
  expect(await inKernel(page, 'handle')).toContain('NameError');
  expect(await inKernel(page, 'In')).toBe("['']");

  await run(page, 'import time; time.sleep(60)', false);
  await expect.poll(() => isBusy(page)).toBe(true);
  const waiting = command(page, 'mlm:restore', {});
  await page.getByRole('button', { name: 'Interrupt it' }).click();
  await expect(page.getByRole('dialog')).toContainText('Save the present state first');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await waiting;

  await page.evaluate(() =>
    (window.jupyterapp.shell.currentWidget as any).sessionContext.restartKernel()
  );
  const banner = page.locator('.jp-MlmBanner');
  await expect(banner).toContainText('The kernel was restarted.');
  await banner.getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(banner).toBeHidden();
  await expect.poll(() => inKernel(page, 'answer'), { timeout: 20000 }).toBe('42');
});

test.describe('where the user has set it so', () => {
  test.use({
    mockSettings: {
      ...galata.DEFAULT_SETTINGS,
      'mlm-jupyter:plugin': { trackAutomatically: true }
    }
  });

  test('tracking starts by itself, and each of two pages tells of its own cells', async ({
    page
  }) => {
    await page.notebook.createNew();
    await expect(page.locator('.jp-MlmTracking-state')).toHaveText('Tracked');
    const before = await sources(page);
    await add(page, 'Of the first page');
    await run(page, 'x = 1');
    await expect.poll(() => topOfLatest(page)).toBe('Of the first page');
    expect(await sources(page)).toEqual(['Of the first page', ...before, 'x = 1']);

    const path = await page.evaluate(
      () => (window.jupyterapp.shell.currentWidget as any).context.path
    );
    const other = await page.context().newPage();
    await other.goto(`lab/workspaces/other/tree/${path}`);
    await expect(other.locator('.jp-MlmTracking-state')).toHaveText('Tracked', { timeout: 30000 });
    await add(other, 'Of the other page');
    await run(other, 'x = 2');
    await expect.poll(() => topOfLatest(page)).toBe('Of the other page');

    await run(page, 'x = 3');
    await expect.poll(() => topOfLatest(page)).toBe('Of the first page');
    expect((await history(page)).items).toHaveLength(4);
    await other.close();

    await command(page, 'mlm:stop');
    await expect(page.locator('.jp-MlmTracking-state')).toHaveText('Not tracked');
  });
});

/** The first cell of the notebook as it was at its latest checkpoint. */
async function topOfLatest(page: Page): Promise<string | undefined> {
  const { project, items } = await history(page);
  if (!items.length) {
    return undefined;
  }
  const { cells } = await get(page, `projects/${project}/checkpoints/${items[0].id}/notebook`);
  return cells[0].source;
}
