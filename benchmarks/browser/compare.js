/**
 * How long does it take from asking for a comparison of 300 re-run cells with rich outputs to its first painted cells, and
 * to all that is in sight? And with nbdime's own?
 *
 *     npm run build:prod && node benchmarks/browser/compare.js [LIMIT]
 *
 * Runs a notebook twice with `mlm execute`, then compares the two runs, at first with the code still to be loaded. nbdime's own
 * difference is given LIMIT seconds (60); its own view in JupyterLab is then given our difference, so that it has one to draw.
 */
const { execFile } = require('child_process');
const fs = require('fs');
const path = require('path');
const { median, notebookOf, openPage, print, run, withLab } = require('./lab');

const ROUNDS = 5;
const CELLS = 300;
const NOTEBOOK = 'notebook.ipynb';
const FIRST =
  'import pandas as pd, numpy as np\npd.set_option("display.max_rows", 100)\n%load_ext mlm_jupyter\n%mlm_track';
const NBDIME = `
import time
import nbformat
from nbdime import diff_notebooks
base, other = (nbformat.read(name, 4) for name in ("base.ipynb", "other.ipynb"))
start = time.perf_counter()
diff_notebooks(base, other)
print(time.perf_counter() - start)
`;

function sourceOf(index) {
  return [
    `step_${index} = ${index}`,
    'frame = pd.DataFrame(np.random.rand(100, 6), columns=list("abcdef"))',
    'frame'
  ].join('\n');
}

/** In the page: ms until the counts are there, until the first cell is painted, until all in sight are. */
async function measure({ project, base, other }) {
  const { commands, shell } = window.jupyterapp;
  const start = performance.now();
  const since = () => Math.round(performance.now() - start);
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const until = async isTrue => {
    while (!isTrue()) {
      await painted();
    }
    return since();
  };
  await commands.execute('mlm:compare', { project, base, other });
  const tab = shell.currentWidget;
  const find = selector => tab.node.querySelectorAll(selector);
  const isInSight = node => {
    const { top, bottom } = node.getBoundingClientRect();
    const room = tab.content.node.getBoundingClientRect();
    return bottom > room.top && top < room.bottom;
  };
  const counts = await until(() => find('.jp-MlmCompare-counts button').length);
  const first = await until(() => find('.jp-MlmNotebookDiff .jp-Cell-diff').length);
  const sight = await until(() =>
    [...find('.jp-MlmNotebookDiff-piece')]
      .filter(isInSight)
      .every(piece => piece.classList.contains('jp-mod-drawn'))
  );
  const editors = find('.cm-editor').length;
  tab.dispose();
  return { counts, first, sight, editors };
}

/** In the page: ms until nbdime's own view shows a cell, and until it shows all. */
async function measurePeer({ cells, limit }) {
  const { commands } = window.jupyterapp;
  const start = performance.now();
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const count = () => document.querySelectorAll('.nbdime-root .jp-Cell-diff').length;
  const until = async wanted => {
    while (count() < wanted && performance.now() - start < limit) {
      await painted();
    }
    return count() < wanted ? null : performance.now() - start;
  };
  await commands.execute('nbdime:diff-checkpoint');
  return { first: await until(1), all: await until(cells) };
}

async function main() {
  const limit = Number(process.argv[2] ?? 60) * 1000;
  await withLab(
    lab => compare(lab, limit),
    folder => {
      const sources = [FIRST, ...Array.from({ length: CELLS }, (_, index) => sourceOf(index))];
      fs.writeFileSync(path.join(folder, NOTEBOOK), notebookOf(sources));
      run(folder, 'mlm', 'execute', NOTEBOOK);
      run(folder, 'mlm', 'execute', NOTEBOOK);
    }
  );
}

async function compare(lab, limit) {
  const ask = async at => (await fetch(`${lab.url}/mlm/${at}`)).json();
  const [{ id: project }] = (await ask(`projects?notebook=${NOTEBOOK}`)).items;
  const { items: runs } = await ask(`projects/${project}/runs?limit=2`);
  const [other, base] = runs.map(run => run.last_checkpoint_id);
  const served = [];
  let answer;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    answer = await ask(`projects/${project}/diff?base=${base}&other=${other}`);
    served.push(performance.now() - start);
  }
  const page = await openPage(lab);
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    rounds.push(await page.evaluate(measure, { project, base, other }));
  }
  await page.context().close();
  const drawn = await drawWithPeer(lab, answer.notebook, limit);
  for (const [name, id] of Object.entries({ base, other })) {
    const notebook = await ask(`projects/${project}/checkpoints/${id}/notebook`);
    fs.writeFileSync(path.join(lab.folder, `${name}.ipynb`), JSON.stringify(notebook));
  }
  const peer = await diffWithPeer(lab.folder, limit);
  const [first, ...later] = rounds;
  const ours = pick =>
    `${seconds(median(later.map(pick)))}, with its code still to be loaded ${seconds(pick(first))}`;
  print(
    [`${CELLS} re-run cells`, 'ours', 'nbdime', 'target'],
    [
      ['the difference, on the server', seconds(median(served)), seconds(peer, limit), ''],
      ['to the counts', ours(one => one.counts), '', ''],
      ['to the first painted cell', ours(one => one.first), seconds(drawn.first, limit), '1.5 s'],
      ['to all in sight', ours(one => one.sight), `${seconds(drawn.all, limit)}, all there are`, '']
    ]
  );
}

/** Have nbdime's own view in JupyterLab draw a difference. */
async function drawWithPeer(lab, difference, limit) {
  const page = await openPage(lab, `/lab/tree/${NOTEBOOK}`, page =>
    page.route('**/nbdime/api/diff*', route => route.fulfill({ json: difference }))
  );
  await page.waitForFunction(() => window.jupyterapp.shell.currentWidget?.sessionContext);
  const found = await page.evaluate(measurePeer, { cells: CELLS, limit });
  await page.context().close();
  return found;
}

/** How many ms nbdime's own difference takes; null: more than it was given. */
function diffWithPeer(folder, limit) {
  return new Promise((resolve, reject) => {
    execFile('python', ['-c', NBDIME], { cwd: folder, timeout: limit }, (error, stdout) => {
      if (error && !error.killed) {
        reject(error);
      }
      resolve(error ? null : Number(stdout) * 1000);
    });
  });
}

function seconds(ms, limit) {
  return ms === null ? `> ${limit / 1000} s` : `${(ms / 1000).toFixed(2)} s`;
}

void main();
