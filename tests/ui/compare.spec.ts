/**
 * Comparing: two moments of a tracked notebook, and one with now.
 */
import AxeBuilder from '@axe-core/playwright';
import { expect, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';

type Page = IJupyterLabPageFixture;

const BEFORE = [
  '%load_ext mlm_jupyter\n%mlm_track --name first',
  'import pandas as pd\nimport mlm_jupyter as mlm\nframe = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})\nframe',
  'gone = 1\ntext = "one\\ntwo\\n"',
  'mlm.log_params({"lr": 0.1})\nfor step in range(5):\n    mlm.log_metric("loss", 1 / (1 + step), step=step)',
  'same = 1',
  'also_same = 2',
  '%mlm_checkpoint before'
];
const AFTER: [number, string][] = [
  [1, 'frame = pd.DataFrame({"a": [1, 20, 3], "c": [4, 5, 6]})\nframe'],
  [2, 'del gone\ntext = "one\\n2\\n"'],
  [
    3,
    '%mlm_run second\nmlm.log_params({"lr": 0.2})\nfor step in range(5):\n    mlm.log_metric("loss", 1 / (2 + step), step=step)'
  ],
  [
    7,
    [
      'from IPython.display import HTML, Javascript, Markdown, SVG, display',
      'attack = "window.attacked = true"',
      'display(HTML(f"<b>bold</b><script>{attack}</script><img src=x onerror=\\"{attack}\\">"))',
      'display(Javascript(attack))',
      'display(Markdown(f"<img src=x onerror=\\"{attack}\\">"))',
      'display(SVG(f"<svg xmlns=\\"http://www.w3.org/2000/svg\\"><script>{attack}</script></svg>"))'
    ].join('\n')
  ],
  [8, '%mlm_checkpoint after']
];

/** Run code as the cell at a position of the notebook, from whatever tab is in front. */
async function run(page: Page, source: string, position: number, isAwaited = true): Promise<void> {
  await page.evaluate(
    async ([code, at, waits]) => {
      const { shell, commands } = window.jupyterapp;
      // eslint-disable-next-line @typescript-eslint/no-explicit-any
      const panel = [...shell.widgets('main')].find((one: any) => one.sessionContext) as any;
      shell.activateById(panel.id);
      const { sharedModel } = panel.content.model;
      while (sharedModel.cells.length <= at) {
        sharedModel.insertCell(sharedModel.cells.length, { cell_type: 'code', source: '' });
      }
      sharedModel.cells[at].setSource(code);
      panel.content.activeCellIndex = at;
      const done = commands.execute('notebook:run-cell');
      if (waits) {
        await done;
      }
    },
    [source, position, isAwaited] as const
  );
}

async function command(page: Page, id: string, args = {}): Promise<void> {
  await page.evaluate(
    async ([name, values]) => {
      await window.jupyterapp.commands.execute(name, values);
    },
    [id, args] as const
  );
}

/** A new notebook with a history; returns its project. */
async function track(page: Page): Promise<string> {
  await page.notebook.createNew();
  await expect
    .poll(() =>
      page.evaluate(
        // eslint-disable-next-line @typescript-eslint/no-explicit-any
        () => (window.jupyterapp.shell.currentWidget as any).sessionContext.session?.kernel?.status
      )
    )
    .toBe('idle');
  for (const [position, source] of BEFORE.entries()) {
    await run(page, source, position);
  }
  const path = await page.evaluate(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    () => (window.jupyterapp.shell.currentWidget as any).context.path
  );
  const answer = await page.evaluate(
    async at => (await fetch(`/mlm/projects?notebook=${encodeURIComponent(at)}`)).json(),
    path
  );
  return answer.items[0].id;
}

/** What a cell has shown is its author's, and a toolbar's buttons are JupyterLab's. */
async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .include('.jp-MlmCompare')
    .exclude('.jp-Diff-renderedOutput')
    .analyze();
  const found = violations.map(({ id, nodes }) => [id, nodes.map(node => node.html)]);
  expect(found).toEqual([]);
}

function view(page: Page): Locator {
  return page.locator('.jp-MlmCompare:visible');
}

test('compare two moments and read what changed', async ({ page }) => {
  const project = await track(page);
  for (const [position, source] of AFTER) {
    await run(page, source, position);
  }
  const environment = (): Promise<boolean> =>
    page.evaluate(async id => {
      const answer = await fetch(`/mlm/projects/${id}/checkpoints/after`);
      return (await answer.json()).environment !== null;
    }, project);
  await expect.poll(environment, { timeout: 20000 }).toBe(true); // it is looked at when the first cells are over
  // In its own notebook a cell may do as it likes.
  await page.evaluate(() => delete (window as { attacked?: boolean }).attacked);
  await command(page, 'mlm:compare', { project, base: 'before', other: 'after' });

  const compare = view(page);
  await expect(compare.getByRole('heading', { name: 'before' })).toBeVisible();
  await expect(compare.getByRole('navigation')).toContainText(
    /5 cells · \d+ variables · 1 metric · 1 param/
  );
  await expect(compare.getByRole('region', { name: 'Other' }).first()).toContainText('run second');

  // The notebook: changed cells drawn, others behind a button.
  await expect(compare.locator('.jp-MlmNotebookDiff')).toContainText('del gone');
  const fold = compare.getByRole('button', { name: '3 unchanged cells' });
  await expect(fold).toHaveAttribute('aria-expanded', 'false');
  await expect(compare.getByText('also_same = 2')).toHaveCount(0);
  await fold.press('Enter');
  await expect(compare.getByText('also_same = 2')).toBeVisible();
  await fold.press('Enter');

  // Variables by value: a table as a table, a text as lines.
  await expect(compare.getByText(/Compared by value, in the kernel of/)).toBeVisible();
  await compare.getByRole('button', { name: 'Open all' }).click();
  const cells = compare.getByRole('group', { name: 'Cells of frame that differ' });
  await expect(cells.getByRole('row', { name: '1 a 2 20' })).toBeVisible();
  await expect(compare.getByText('Columns removed')).toBeVisible();
  const lines = compare.getByRole('group', { name: 'What differs in the text of text' });
  await expect(lines).toContainText('removed: two');
  await expect(compare.getByRole('row', { name: /loss 0.2 0.166667 ↓ −0.0333333/ })).toBeVisible();
  await expect(compare.getByRole('img', { name: /Curves of loss. first: 5 values/ })).toBeVisible();

  // Nothing that a store holds runs, and nothing can be made to with one click.
  await compare.getByRole('navigation').getByText('5 cells').click();
  await expect(compare.getByText('bold', { exact: true })).toBeVisible();
  await expect(compare.getByRole('button', { name: 'Trust' })).toHaveCount(0);
  expect(await page.evaluate(() => 'attacked' in window)).toBe(false);

  await expectAccessible(page);
  await page.theme.setDarkTheme();
  await expectAccessible(page);
  expect(await page.evaluate(() => 'attacked' in window)).toBe(false);

  // What is the same is there when it is asked for; a name given elsewhere is seen.
  await expect(
    compare.getByRole('textbox', { name: /^Source of cell 2, in the base/ })
  ).toHaveCount(1);
  const only = page.getByRole('checkbox', { name: 'Only what differs' });
  await only.uncheck();
  await compare.getByText(/packages are the same/).click();
  await expect(compare.locator('.jp-MlmCompare-same[open]')).toContainText('pandas');
  await expectAccessible(page);
  await only.check();
  await expect(compare.getByText(/packages are the same/)).toHaveCount(0);
  const rename = (from: string, to: string): Promise<number> =>
    page.evaluate(
      async ([at, name]) =>
        (await fetch(at, { method: 'PATCH', body: JSON.stringify({ name }) })).status,
      [`/mlm/projects/${project}/checkpoints/${from}`, to] as const
    );
  expect(await rename('before', 'earlier')).toBe(200);
  await expect(compare.getByRole('heading', { name: 'earlier' })).toBeVisible();
  expect(await rename('earlier', 'before')).toBe(200);

  // One tab for a pair, another for the pair the other way round.
  const tabs = page.locator('.lm-DockPanel-tabBar .lm-TabBar-tab', { hasText: '↔' });
  await command(page, 'mlm:compare', { project, base: 'before', other: 'after' });
  await expect(tabs).toHaveCount(1);
  await page.getByRole('button', { name: 'Swap' }).click();
  await expect(tabs).toHaveCount(2);
  await expect(view(page).getByRole('heading', { level: 2 }).first()).toHaveText('after');
  await command(page, 'mlm:compare', { project, base: 'before', other: 'before' });
  await expect(view(page).getByText('Nothing differs.')).toBeVisible();
  await page.getByRole('checkbox', { name: 'Only what differs' }).uncheck();
  await expect(view(page).getByText('also_same = 2')).toBeVisible();

  await command(page, 'mlm:compare', { project, base: 'before', other: 'no-such' });
  await expect(view(page).getByRole('alert')).toContainText('no-such');
  await expect(view(page).getByRole('button', { name: 'Try again' })).toBeVisible();

  const runs = await page.evaluate(async id => {
    const answer = await fetch(`/mlm/projects/${id}/runs`);
    return (await answer.json()).items as { id: string; name: string }[];
  }, project);
  const [base, other] = ['first', 'second'].map(name => runs.find(run => run.name === name)!.id);
  await command(page, 'mlm:compare', { project, base, other, are_runs: true });
  const sides = compare.locator('.jp-MlmCompare-sides').getByRole('heading');
  await expect(sides).toHaveText(['first', 'second']);
  await sides.last().getByRole('button').click();
  await expect(page.getByRole('article', { name: 'The run second' })).toBeVisible();
});

test('compare with now, with a kernel that is free, busy or gone', async ({ page }) => {
  const project = await track(page);
  await run(page, 'same = 100', 4);
  await command(page, 'mlm:compare-with-now', { project, checkpoint: 'before' });
  const compare = view(page);
  await expect(compare.getByRole('heading', { name: 'Now' })).toBeVisible();
  await expect(compare.getByText(/Compared by value, in the kernel of/)).toBeVisible();
  await expect(compare.locator('details', { hasText: 'same' })).toContainText('1 → 100');
  await expect(page.getByRole('button', { name: 'Swap' })).toBeDisabled();

  await run(page, 'import time; time.sleep(6); same = 200', 5, false);
  await command(page, 'mlm:compare-with-now', { project, checkpoint: 'before' });
  await compare.getByRole('button', { name: 'Compare again' }).click();
  await expect(
    compare.getByText(/Only the notebook is compared: the kernel .* is busy/)
  ).toBeVisible();
  await compare.getByRole('button', { name: 'Compare by value when it is free' }).click();
  await expect(compare.locator('details', { hasText: 'same' })).toContainText('1 → 200', {
    timeout: 20000
  });

  // The tab comes back with the layout, before or after its notebook.
  // Galata would wait for the launcher, which is not in front.
  const options = { waitUntil: 'load', waitForIsReady: false } as const;
  await page.reload(options);
  await expect(view(page).getByRole('heading', { name: 'before' })).toBeVisible({
    timeout: 20000
  });
  await expect(compare.getByText(/Compared by value, in the kernel of/)).toBeVisible();

  await page.evaluate(async () => {
    const { shell } = window.jupyterapp;
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const panel = [...shell.widgets('main')].find((one: any) => one.sessionContext) as any;
    await panel.sessionContext.shutdown();
  });
  await page.getByRole('button', { name: 'Compare again' }).first().click();
  await expect(compare.getByText(/Only the notebook is compared:/)).toBeVisible();
});
