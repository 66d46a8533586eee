/**
 * What of ours does JupyterLab load when it starts, and what on the first use of each part?
 *
 *     npm run build:prod && node benchmarks/browser/start.js
 *
 * Target: 100 KB at the start, the comparison's code on first use. Jupyter's own server sends files as they are, a proxy in
 * front of it may compress them: both are given.
 */
const path = require('path');
const zlib = require('zlib');
const { openPage, print, run, sleep, withLab } = require('./lab');

/** Nothing more comes when nothing came for so long. */
const QUIET_MS = 2000;

async function main() {
  await withLab(measure, folder =>
    run(folder, 'python', path.join(__dirname, 'history.py'), '.', '20')
  );
}

async function measure(lab) {
  const loaded = [];
  const page = await openPage(lab, '/lab/tree/train.ipynb', async page => {
    page.on('response', async response => {
      if (response.url().includes('/extensions/mlm-jupyter/static/')) {
        loaded.push(await response.body());
      }
    });
  });
  const [project] = (await (await fetch(`${lab.url}/mlm/projects?notebook=train.ipynb`)).json())
    .items;
  const at = `${lab.url}/mlm/projects/${project.id}/checkpoints?limit=2`;
  const [other, base] = (await (await fetch(at)).json()).items.map(item => item.id);
  const execute = (id, args = {}) =>
    page.evaluate(
      async ([id, args]) => void (await window.jupyterapp.commands.execute(id, args)),
      [id, args]
    );
  const steps = [
    ['start', async () => undefined, '100 KB'],
    ['the panel is shown', () => execute('mlm:show-panel')],
    [
      'a checkpoint is opened',
      () => execute('mlm:open-checkpoint', { project: project.id, checkpoint: other })
    ],
    ['two are compared', () => execute('mlm:compare', { project: project.id, base, other })]
  ];
  const rows = [];
  for (const [name, step, target] of steps) {
    await step();
    const found = await settled(loaded);
    const kB = sizeOf => (found.reduce((sum, one) => sum + sizeOf(one), 0) / 1000).toFixed(1);
    rows.push([
      name,
      found.length,
      kB(body => body.length),
      kB(body => zlib.gzipSync(body).length),
      target ?? ''
    ]);
  }
  print(['when', 'files', 'kB', 'as gzip, kB', 'target'], rows);
}

/** What came since the last time, once nothing more does. */
async function settled(loaded) {
  let count = -1;
  while (count !== loaded.length) {
    count = loaded.length;
    await sleep(QUIET_MS);
  }
  return loaded.splice(0);
}

void main();
