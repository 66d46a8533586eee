/* eslint-disable @typescript-eslint/no-explicit-any -- what runs in the page is JupyterLab's own, without its types */
/**
 * The README's pictures: the tour notebook run as `make lab` opens it, and what the panel and its views show of it.
 *
 * `MLM_PICTURES=1 npm run test:ui -- pictures` draws them anew, where scikit-learn and matplotlib are installed.
 */
import { expect, type IJupyterLabPageFixture, test } from '@jupyterlab/galata';
import type { Locator } from '@playwright/test';
import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as path from 'path';

type Page = IJupyterLabPageFixture;

// The tests may run from a copy of the checkout: then the variable says where the pictures belong.
const asked = process.env.MLM_PICTURES ?? '';
const checkout = path.isAbsolute(asked) ? asked : path.resolve(__dirname, '..', '..');
const folder = path.join(checkout, 'docs', 'images');

/** 256 colours are as good as all, in a third of the bytes; Pillow came with matplotlib. */
const SHRINK = `
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
`;

test.skip(!asked, 'Pictures are drawn only when MLM_PICTURES is set.');
test.use({ viewport: { width: 1280, height: 800 }, actionTimeout: 10000 });

function command(page: Page, id: string, args = {}): Promise<void> {
  return page.evaluate(
    async ([name, values]) => {
      await window.jupyterapp.commands.execute(name, values);
    },
    [id, args] as const
  );
}

/** The project of a notebook, and its checkpoints by some of their source. */
async function readHistory(
  page: Page,
  notebook: string
): Promise<{ project: string; find(source: string, which?: 'first' | 'last'): string }> {
  const get = async (at: string): Promise<any> => (await page.request.get(`/mlm/${at}`)).json();
  const [{ id }] = (await get(`projects?notebook=${encodeURIComponent(notebook)}`)).items;
  const { items } = await get(`projects/${id}/checkpoints`);
  const find = (source: string, which = 'last'): string => {
    const found = items.filter((item: { source: string }) => item.source.includes(source)); // newest first
    return found[which === 'last' ? 0 : found.length - 1].id;
  };
  return { project: id, find };
}

async function draw(page: Page, name: string, what?: Locator): Promise<void> {
  await page.mouse.move(700, 2);
  await page.waitForTimeout(600); // Lumino and charts draw a frame or two later
  const file = path.join(folder, `${name}.png`);
  await (what ?? page).screenshot({ path: file, animations: 'disabled' });
  execFileSync('python', ['-c', SHRINK, file]);
  expect(fs.statSync(file).size).toBeLessThan(150_000);
}

/** Edit a cell of the tour and run it again. */
async function run(page: Page, id: string, edit: (source: string) => string): Promise<void> {
  const place = (code: string | null): Promise<string> =>
    page.evaluate(
      ([id, code]) => {
        const { content } = window.jupyterapp.shell.currentWidget as any;
        const { cells } = content.model.sharedModel;
        const at = cells.findIndex((cell: any) => cell.id === id);
        content.activeCellIndex = at;
        if (code !== null) {
          cells[at].setSource(code);
        }
        return cells[at].getSource();
      },
      [id, code] as const
    );
  await place(edit(await place(null)));
  await command(page, 'notebook:run-cell');
}

/** The panel as wide as most users draw it. */
async function widen(page: Page, width: number): Promise<void> {
  await page.evaluate(asked => {
    const { shell } = window.jupyterapp as any;
    const split = shell._hsplitPanel;
    const all = split.node.getBoundingClientRect().width;
    split.setRelativeSizes([asked, all - asked, 0]);
  }, width);
}

test('the tour, in pictures', async ({ page, tmpPath }) => {
  test.setTimeout(240000);
  fs.mkdirSync(folder, { recursive: true });
  const tour = path.join(checkout, 'examples', 'tour.ipynb');
  await page.contents.uploadContent(fs.readFileSync(tour, 'utf8'), 'text', `${tmpPath}/tour.ipynb`);
  await page.notebook.openByPath(`${tmpPath}/tour.ipynb`);
  await page.evaluate(() => {
    const widgets = [...window.jupyterapp.shell.widgets('main')];
    widgets.filter(widget => widget.title.label === 'Launcher').forEach(widget => widget.close());
  });
  await command(page, 'mlm:show-panel');
  await expect(page.locator('.jp-MlmTracking-state')).toHaveText('Not tracked');
  await page.notebook.run();
  await expect(page.locator('.jp-MlmRail-saving')).toHaveCount(0);
  await run(page, 'forest', source => source.replace('trees, min_samples_leaf=5', '2 * trees'));
  await run(page, 'compare', source => source.replace('barh(', 'barh(color="teal", '));
  await run(page, 'log', source => source);
  await expect(page.locator('.jp-MlmRail-saving')).toHaveCount(0);
  await widen(page, 380);

  await page.evaluate(() => {
    const { content } = window.jupyterapp.shell.currentWidget as any;
    const at = content.model.sharedModel.cells.findIndex((cell: any) => cell.id === 'compare');
    content.activeCellIndex = at;
    return content.scrollToItem(at, 'center');
  });
  await draw(page, 'history');

  const { project, find } = await readHistory(page, `${tmpPath}/tour.ipynb`);
  await command(page, 'mlm:open-checkpoint', { project, checkpoint: find('df = raw.rename') });
  const view = page.locator('.jp-MlmCheckpoint:visible');
  await view.getByRole('tab', { name: 'Variables' }).click();
  await view.getByRole('table', { name: 'Variables' }).getByRole('button', { name: 'df' }).click();
  await draw(page, 'checkpoint', page.locator('#jp-main-dock-panel'));

  const pair = { base: find('scores = pd.Series', 'first'), other: find('color="teal"') };
  await command(page, 'mlm:compare', { project, ...pair });
  await expect(page.locator('.jp-MlmCompare:visible')).toContainText('best_r2');
  await draw(page, 'compare', page.locator('#jp-main-dock-panel'));

  await page.theme.setDarkTheme();
  await draw(page, 'dark');
  await page.theme.setLightTheme();

  const grid = page.locator('#mlm-runs').getByRole('grid');
  for (const name of ['forest', 'boosting', 'ridge']) {
    await grid.getByRole('row').filter({ hasText: name }).first().getByRole('checkbox').check();
  }
  await page.locator('#mlm-runs').getByRole('button', { name: 'Compare 3 runs' }).click();
  await expect(page.getByRole('article', { name: 'Runs compared' })).toBeVisible();
  await draw(page, 'runs', page.locator('#jp-main-dock-panel'));
});
