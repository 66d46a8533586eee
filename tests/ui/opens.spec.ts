import { expect, test } from '@jupyterlab/galata';

test('JupyterLab opens with the extension', async ({ page }) => {
  await page.goto();
  expect(await page.evaluate(() => window.jupyterapp.hasPlugin('mlm-jupyter:plugin'))).toBe(true);
});
