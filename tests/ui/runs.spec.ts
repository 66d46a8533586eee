/**
 * Runs, as a user meets them: listed beside the notebook, filtered, sorted, compared, opened, live.
 */
import { expect, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';

import { notebookOf } from './notebooks';
import AxeBuilder from '@axe-core/playwright';

const MAKE_RUNS = `
%load_ext mlm_jupyter
import math
import mlm_jupyter as mlm
for lr in (0.3, 0.1, 0.03):
    with mlm.start_run(f"lr-{lr}", params={"lr": lr, "kind": "demo"}, tags={"team": "a"}):
        for step in range(60):
            mlm.log_metrics({"loss": math.exp(-step * lr / 5), "acc": 1 - math.exp(-step * lr / 5)}, step=step)
        with mlm.start_run("fold", params={"fold": 1}):
            mlm.log_metric("acc", 0.5)
`;

/** A run of another process that logs until it is told to stop. */
const LIVE = `
import os, subprocess, sys, mlm_jupyter
code = """
import time, pathlib, mlm_jupyter as mlm
with mlm.start_run("live"):
    for step in range(400):
        mlm.log_metrics({"loss": 1 / (step + 1)}, step=step)
        if pathlib.Path("stop").exists(): break
        time.sleep(0.1)
"""
mlm_jupyter.start_run("first")
mlm_jupyter.end_run()
subprocess.Popen([sys.executable, "-c", code])
`;

/** Open a new notebook with this cell, run it, and show the panel; typed, the cell would be indented by the editor. */
async function run(page: IJupyterLabPageFixture, folder: string, source: string): Promise<void> {
  const path = `${folder}/train.ipynb`;
  await page.contents.uploadContent(JSON.stringify(notebookOf([source])), 'text', path);
  await page.notebook.openByPath(path);
  await page.notebook.activate('train.ipynb');
  await page.notebook.runCell(0);
  await page.evaluate(() => window.jupyterapp.shell.activateById('mlm-panel'));
}

test('runs are listed, filtered, sorted, compared and opened', async ({ page, tmpPath }) => {
  await run(page, tmpPath, MAKE_RUNS);
  const section = page.locator('#mlm-runs');
  const rows = section.getByRole('grid').locator('.jp-MlmRuns-rows').getByRole('row');
  await expect(rows).toHaveCount(6, { timeout: 20000 });
  await expect(rows.nth(1)).toContainText('Part of the run lr-0.03');
  await expect(rows.first()).toContainText('Finished');

  const box = section.getByRole('searchbox');
  await box.fill('params.lr >');
  await expect(section.getByRole('alert')).toContainText('Cannot read the query');
  await expect(rows).toHaveCount(6);
  await box.fill("params.kind = 'demo'");
  await expect(rows).toHaveCount(3);
  await section.getByRole('combobox', { name: 'Sort the runs by' }).selectOption('metrics.loss');
  await expect(box).toHaveValue("params.kind = 'demo' order by metrics.loss desc");
  await expect(rows.first()).toContainText('lr-0.03');

  // By keyboard alone: two runs selected and compared, one opened.
  await section.getByRole('grid').focus();
  for (const key of ['Home', 'Space', 'End', 'Space', 'Control+Enter']) {
    await page.keyboard.press(key);
  }
  const compared = page.getByRole('article', { name: 'Runs compared' });
  await expect(compared.getByRole('columnheader')).toHaveText(['lr-0.03', 'lr-0.3']);
  await expect(compared.getByRole('row', { name: /^acc/ })).toContainText('★');
  await expect(compared.getByRole('rowheader', { name: 'kind' })).toHaveCount(0);
  await compared.getByRole('checkbox', { name: 'Only what differs' }).uncheck();
  await expect(compared.getByRole('rowheader', { name: 'kind' })).toHaveCount(1);
  const chart = compared.getByRole('img', { name: /Curves of loss/ });
  await expect(chart.locator('canvas')).toBeVisible();
  await expect(chart).toHaveAttribute('aria-label', /lr-0.3: 60 values, from .* to 1/);
  await compared.getByRole('combobox', { name: 'Picture' }).selectOption('parallel');
  await expect(compared.locator('.jp-MlmPicture svg')).toBeVisible({ timeout: 20000 });
  for (const theme of ['light', 'dark']) {
    await (theme === 'dark' ? page.theme.setDarkTheme() : page.theme.setLightTheme());
    await expect(chart.locator('canvas')).toBeVisible();
    const { violations } = await new AxeBuilder({ page })
      .include('#mlm-runs')
      .include('.jp-MlmRunView')
      .analyze();
    const serious = violations.filter(
      ({ impact }) => impact === 'serious' || impact === 'critical'
    );
    expect(serious.map(({ id, nodes }) => [id, nodes[0].html])).toEqual([]);
  }
  await compared.getByRole('checkbox', { name: 'As tables' }).check();
  await expect(compared.getByRole('region', { name: 'Values of loss' })).toContainText('59');

  await section.getByRole('grid').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  const view = page.getByRole('article', { name: 'The run lr-0.3' });
  await view.getByRole('textbox', { name: 'The name of a new tag' }).fill('verdict');
  await view.getByRole('textbox', { name: 'The value of the new tag' }).fill('best');
  await page.keyboard.press('Enter');
  await expect(view.getByRole('textbox', { name: 'The value of the tag verdict' })).toHaveValue(
    'best'
  );
  const [csv] = await Promise.all([
    page.waitForEvent('download'),
    view.getByRole('button', { name: /Save all values of loss/ }).click()
  ]);
  expect(csv.suggestedFilename()).toBe('loss.csv');
});

test('a run of another process is live: in the list and as a curve', async ({ page, tmpPath }) => {
  await run(page, tmpPath, LIVE);
  const row = page.locator('#mlm-runs').getByRole('row').filter({ hasText: 'live' });
  await expect(row).toContainText('Running', { timeout: 20000 });
  await row.getByRole('button', { name: 'live' }).click();
  const chart = page.getByRole('article', { name: 'The run live' }).getByRole('img');
  await expect(chart).toHaveAttribute('aria-label', /values/);
  const points = async (): Promise<number> =>
    Number(/(\d+) values/.exec((await chart.getAttribute('aria-label')) ?? '')?.[1]);
  const before = await points();
  await expect.poll(points, { timeout: 10000 }).toBeGreaterThan(before + 10);
  await page.contents.uploadContent('', 'text', `${tmpPath}/stop`);
  await expect(row).toContainText('Finished', { timeout: 10000 });
});
