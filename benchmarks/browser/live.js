/**
 * How long after a cell has finished is its entry in the panel to be seen, and how long until its checkpoint is stored?
 *
 *     npm run build:prod && node benchmarks/browser/live.js
 *
 * Target: 500 ms to the stored entry where up to 50 MB changed; where more did, it is shown at once and marked as saving.
 * The clock starts when JupyterLab has the kernel's reply.
 */
const fs = require('fs');
const path = require('path');
const { median, notebookOf, openPage, print, withLab } = require('./lab');

const ROUNDS = 7;
const FIRST =
  'import numpy as np\nrandom = np.random.default_rng(0)\n%load_ext mlm_jupyter\n%mlm_track';
/** Random numbers: nothing in them can be compressed. */
const SIZES = { 'a number': 0, '5 MB': 5, '50 MB': 50, '300 MB': 300 };

function sourcesOf(megabytes) {
  return Array.from({ length: ROUNDS }, (_, round) =>
    megabytes === 0
      ? `x = ${round}`
      : `a${megabytes} = random.random(${megabytes * 125_000})  # ${round}`
  );
}

async function main() {
  const sources = [FIRST, ...Object.values(SIZES).flatMap(sourcesOf)];
  await withLab(measure, folder =>
    fs.writeFileSync(path.join(folder, 'live.ipynb'), notebookOf(sources))
  );
}

async function measure(lab) {
  const page = await openPage(lab, '/lab/tree/live.ipynb');
  await page.waitForFunction(() => window.jupyterapp.shell.currentWidget?.sessionContext);
  await page.evaluate(prepare);
  const rows = [];
  let at = 1;
  for (const [name, megabytes] of Object.entries(SIZES)) {
    const found = [];
    for (const source of sourcesOf(megabytes)) {
      found.push(await page.evaluate(runCell, { at: at++, source }));
    }
    const ms = pick => `${median(found.map(pick))} ms`;
    const worst = pick => `${Math.max(...found.map(pick))} ms`;
    const isSmall = megabytes <= 50;
    rows.push([
      name,
      ms(one => one.shown),
      worst(one => one.shown),
      ms(one => one.stored),
      worst(one => one.stored),
      isSmall ? 'stored in 500 ms' : 'shown in 500 ms'
    ]);
  }
  print(['changed', 'shown', 'worst', 'stored', 'worst', 'target'], rows);
}

/** In the page: track, in the notebook that is open, with the panel beside it. */
async function prepare() {
  const { commands, shell } = window.jupyterapp;
  const notebook = shell.currentWidget;
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  await commands.execute('mlm:show-panel');
  shell.activateById(notebook.id);
  notebook.content.activeCellIndex = 0;
  await commands.execute('notebook:run-cell');
  while (document.querySelector('.jp-MlmHistory-entry') === null) {
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

/** In the page: run a cell; ms from its end to its entry, and to its entry that is stored. */
async function runCell({ at, source }) {
  const { commands, shell } = window.jupyterapp;
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const isSaving = row => row.querySelector('.jp-MlmRail-saving') !== null;
  const find = () =>
    [...document.querySelectorAll('.jp-MlmHistory-entry')].find(
      row => row.querySelector('.jp-MlmHistory-code').textContent === source
    );
  const until = async isTrue => {
    while (!isTrue()) {
      await painted();
    }
    return Math.round(performance.now() - start);
  };
  let start = 0;
  shell.currentWidget.content.activeCellIndex = at;
  await commands.execute('notebook:run-cell');
  start = performance.now();
  const shown = await until(() => find() !== undefined);
  const stored = await until(() => find() !== undefined && !isSaving(find()));
  return { shown, stored };
}

void main();
