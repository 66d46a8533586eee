/**
 * A checkpoint in the main area: read, looked into, named, opened again as a notebook, deleted; and nothing stored runs in it.
 */
import AxeBuilder from '@axe-core/playwright';
import { expect, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';

const SETUP = `%load_ext mlm_jupyter
%mlm_track`;
const WORK = `import numpy as np, pandas as pd, threading
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt
%matplotlib inline
import areas, mlm_jupyter as mlm
for i in range(5000):
    globals()[f"v{i}"] = i
frame = pd.DataFrame({"city": ["Bern", "Lima"], "height": [540, 161]})
lock = threading.Lock()
def greet(name):
    return f"Hello {name}"
figure, axes = plt.subplots(figsize=(2, 1))
axes.plot([1, 2])
mlm.log_metric("accuracy", 0.875)
plt.show()
print("done")`;
const FAIL = `frame = frame.head(1)
1 / 0`;
const HOSTILE = `from IPython.display import display
def show(kind, data): display({kind: data, "text/plain": f"the text of {kind}"}, raw=True)
show("text/html", '<b>bold</b><script>window.ran="script"</script><img src=x onerror="window.ran=1">'
     '<iframe srcdoc="<script>parent.ran=2</script>"></iframe><a href="javascript:window.ran=3">a link</a>')
show("application/javascript", "window.ran=4")
show("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran=5"><script>window.ran=6</script></svg>')
show("text/markdown", '[a markdown link](javascript:window.ran=7) <img src=x onerror="window.ran=8">')`;
const HOSTILE_TEXT =
  '# Words\n\n<script>window.ran=9</script>\n\n[a bad link](javascript:window.ran=10) <img src=x onerror="window.ran=11">';

interface IPast {
  project: string;
  /** The ids of the checkpoints, oldest first. */
  ids: string[];
}

/** Run the code cells of a new notebook in a kernel of its own: nothing of it is drawn. */
async function makePast(
  page: IJupyterLabPageFixture,
  path: string,
  cells: { cell_type: string; source: string }[]
): Promise<IPast> {
  const full = cells.map((cell, index) => ({
    ...cell,
    id: `cell-${index}`,
    metadata: {},
    ...(cell.cell_type === 'code' ? { outputs: [], execution_count: null } : {})
  }));
  const metadata = {
    kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' }
  };
  const notebook = { cells: full, metadata, nbformat: 4, nbformat_minor: 5 };
  await page.contents.uploadContent(JSON.stringify(notebook), 'text', path);
  return page.evaluate(
    async ({ path, full }) => {
      const services = window.jupyterapp.serviceManager;
      const session = await services.sessions.startNew({
        path,
        name: path.split('/').pop()!,
        type: 'notebook',
        kernel: { name: 'python3' }
      });
      for (const { id, cell_type, source } of full) {
        if (cell_type === 'code') {
          const content = { code: source, stop_on_error: false };
          await session.kernel!.requestExecute(content, false, { cellId: id }).done;
        }
      }
      await session.kernel!.requestExecute({
        code: 'import mlm_jupyter; mlm_jupyter.flush()',
        silent: true
      }).done;
      await session.shutdown();
      const base = `${services.serverSettings.baseUrl}mlm/projects`;
      const asked = await fetch(`${base}?notebook=${encodeURIComponent(path)}`);
      const project = (await asked.json()).items[0].id;
      const listed = await (await fetch(`${base}/${project}/checkpoints?limit=50`)).json();
      return { project, ids: listed.items.map((item: { id: string }) => item.id).reverse() };
    },
    { path, full }
  );
}

/** Open a checkpoint by the command, and wait for nothing. */
async function show(page: IJupyterLabPageFixture, project: string, id: string): Promise<void> {
  await page.evaluate(
    async args => {
      await window.jupyterapp.commands.execute('mlm:open-checkpoint', args);
    },
    { project, checkpoint: id }
  );
}

async function open(page: IJupyterLabPageFixture, project: string, id: string): Promise<Locator> {
  await show(page, project, id);
  const view = page.locator('.jp-MlmCheckpoint:visible');
  await expect(view.getByRole('heading', { level: 2 })).toBeVisible();
  return view;
}

const ran = (page: IJupyterLabPageFixture): Promise<unknown> =>
  page.evaluate(() => (window as unknown as { ran?: unknown }).ran);

async function expectAccessible(page: IJupyterLabPageFixture): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).include('.jp-MlmCheckpoint').analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => [id, nodes.map(node => node.html)])).toEqual([]);
}

test('a checkpoint is read, named, opened as a notebook and deleted', async ({ page, tmpPath }) => {
  await page.contents.uploadContent(
    'def area(a, b):\n    return a * b\n',
    'text',
    `${tmpPath}/areas.py`
  );
  const code = (source: string): { cell_type: string; source: string } => ({
    cell_type: 'code',
    source
  });
  const { project, ids } = await makePast(page, `${tmpPath}/past.ipynb`, [
    { cell_type: 'markdown', source: '# The past' },
    ...[SETUP, WORK, FAIL].map(code)
  ]);
  expect(ids).toHaveLength(3);
  const view = await open(page, project, ids[1]);

  await test.step('what it was, its source, outputs and metrics', async () => {
    await expect(view.getByRole('heading', { level: 2 })).toHaveText('#2');
    await expect(view.locator('header')).toContainText('Finished');
    await expect(view.locator('time')).toHaveAttribute('title', /^\d{4}-\d\d-\d\d /);
    await expect(view.locator('.cm-content')).toContainText('import numpy as np');
    await expect(view.locator('.jp-MlmOutputs img')).toBeVisible();
    await expect(view.locator('.jp-MlmOutputs')).toContainText('done');
    await expect(view.getByRole('row', { name: 'accuracy 0.875' })).toBeVisible();
    await expect(view.getByRole('button', { name: 'Trust outputs' })).toHaveCount(0);
    await expectAccessible(page);
  });

  await test.step('variables, by keyboard alone', async () => {
    await view.getByRole('tab', { name: 'Cell' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(view.getByRole('tab', { name: 'Variables' })).toBeFocused();
    const table = view.getByRole('table', { name: 'Variables' });
    await expect(table.locator('.jp-MlmVariables-row').first()).toBeVisible();
    expect(await table.locator('.jp-MlmVariables-row').count()).toBeLessThan(80);
    await view.getByRole('searchbox').fill('dataframe');
    await expect(view.getByRole('status')).toContainText('1 of 5,');
    await table.getByRole('button', { name: 'frame' }).focus();
    await page.keyboard.press('Enter');
    await expect(table.getByRole('row', { name: '0 Bern 540' })).toBeVisible();
    await expectAccessible(page);
    await view.getByRole('searchbox').fill('greet');
    await table.getByRole('button', { name: 'greet' }).click();
    await expect(table.locator('.cm-content')).toContainText('return f"Hello');
    await view.getByRole('searchbox').fill('figure matplotlib');
    await table.getByRole('button', { name: 'figure' }).click();
    await expect(table.locator('figure img')).toBeVisible();
    await view.getByRole('searchbox').fill('');
    await table.locator('.jp-MlmVariables-name[tabindex="0"]').focus();
    await page.keyboard.press('End');
    await expect(table.getByRole('button', { name: 'v4999' })).toBeFocused();
  });

  await test.step('the notebook, what it ran on, and its modules', async () => {
    await view.getByRole('tab', { name: 'Notebook' }).click();
    await expect(view.getByRole('heading', { name: 'The past' })).toBeVisible();
    await expect(view.locator('[aria-current="true"]')).toContainText('import numpy as np');
    await page.theme.setDarkTheme();
    await expectAccessible(page);
    await view.getByRole('tab', { name: 'Environment' }).click();
    await view.getByRole('searchbox', { name: 'Filter packages' }).fill('matplotlib');
    await expect(view.getByRole('row', { name: /^matplotlib \d/ })).toBeVisible();
    await expectAccessible(page);
    await page.theme.setLightTheme();
    await view.getByRole('tab', { name: 'Modules' }).click();
    await view.getByText('areas.py').click();
    await expect(view.locator('details .cm-content')).toContainText('def area');
  });

  await test.step('a name and a note, seen at once', async () => {
    await page.getByRole('button', { name: 'Name…' }).click();
    await page.locator('.jp-Dialog input').fill('two words');
    await page.keyboard.press('Enter');
    await expect(page.locator('.jp-Dialog')).toContainText('two words'); // the server's line
    await page.locator('.jp-Dialog input').fill('good');
    await page.keyboard.press('Enter');
    await expect(view.getByRole('heading', { level: 2 })).toContainText('good');
    await page.getByRole('button', { name: 'Note…' }).click();
    await page.locator('.jp-Dialog textarea').pressSequentially('one\ntwo');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(view.locator('.jp-MlmCheckpoint-note')).toHaveText('one\ntwo');
  });

  await test.step('the tab comes back with the layout, and is there once', async () => {
    await page.reload({ waitForIsReady: false } as object); // Galata would wait for the launcher
    await expect(page.getByRole('tab', { name: 'good' })).toBeVisible();
    await open(page, project, 'good');
    await open(page, project, ids[1]);
    await expect(page.getByRole('tab', { name: 'good' })).toHaveCount(1);
  });

  await test.step('as a new notebook, beside the old one', async () => {
    await page.getByRole('button', { name: 'Open as notebook' }).click();
    await expect(page.getByRole('tab', { name: 'past-2.ipynb' })).toBeVisible();
    await expect(page.locator('.jp-NotebookPanel:visible')).toContainText('import numpy as np');
    expect(await page.contents.fileExists(`${tmpPath}/past-2.ipynb`)).toBe(true);
    expect(await page.contents.fileExists(`${tmpPath}/past.ipynb`)).toBe(true);
  });

  await test.step('one that failed shows why, and can be deleted', async () => {
    const failed = await open(page, project, ids[2]);
    await expect(failed.locator('header')).toContainText('Failed');
    await expect(failed.locator('.jp-MlmOutputs')).toContainText('ZeroDivisionError');
    await expect(failed.getByRole('button', { name: 'good' })).toBeVisible();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await expect(page.locator('.jp-Dialog')).toContainText('Not touched');
    await page.locator('.jp-Dialog').getByRole('button', { name: 'Delete' }).click();
    await expect(page.getByRole('tab', { name: '#3' })).toHaveCount(0);
    await show(page, project, ids[2]);
    await expect(page.locator('.jp-MlmCheckpoint:visible').getByRole('alert')).toContainText(
      'may have been deleted'
    );
  });
});

test('nothing that is stored runs in the view until it is trusted', async ({ page, tmpPath }) => {
  const { project, ids } = await makePast(page, `${tmpPath}/hostile.ipynb`, [
    { cell_type: 'markdown', source: HOSTILE_TEXT },
    { cell_type: 'code', source: SETUP },
    { cell_type: 'code', source: HOSTILE }
  ]);
  const view = await open(page, project, ids[1]);
  await expect(view.locator('.jp-MlmOutputs')).toContainText('bold');
  await expect(view.locator('.jp-MlmOutputs')).toContainText('the text of application/javascript');
  for (const name of ['a link', 'a markdown link']) {
    await view.getByText(name, { exact: true }).click();
  }
  await view.getByRole('tab', { name: 'Notebook' }).click();
  const notebook = view.getByRole('tabpanel', { name: 'Notebook' });
  await expect(notebook.getByRole('heading', { name: 'Words' })).toBeVisible();
  await notebook.getByText('a bad link', { exact: true }).click();
  await expect(notebook.locator('.jp-MlmOutputs').last()).toContainText('bold');
  expect(await view.locator('script, iframe, .jp-MlmOutputs svg, [onerror]').count()).toBe(0);
  await page.waitForTimeout(500);
  expect(await ran(page)).toBeUndefined();

  await view.getByRole('tab', { name: 'Cell' }).click();
  await view.getByRole('button', { name: 'Trust outputs' }).click();
  await expect.poll(() => ran(page)).toBeDefined();
});
