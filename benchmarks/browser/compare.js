/**
 * How long does it take from asking for a comparison of 300 re-run cells with rich outputs to its first painted cells, and
 * to all that is in sight?
 *
 *     mlm execute notebook.ipynb twice (make it with: node benchmarks/browser/compare.js --notebook FILE.ipynb), then
 *     node benchmarks/browser/compare.js URL NOTEBOOK
 *
 * URL is a running JupyterLab without a token, NOTEBOOK the path of the executed notebook on it. In a headless Chromium
 * ($CHROMIUM, else /usr/bin/chromium); the first round also loads the code.
 */
const fs = require('fs');
const { chromium } = require('@playwright/test');

const ROUNDS = 5;
const CELLS = 300;

function notebook() {
  const cell = (source, index) => ({
    cell_type: 'code',
    id: `cell-${index}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source
  });
  const first =
    'import pandas as pd, numpy as np\nfrom IPython.display import HTML\n%load_ext mlm_jupyter\n%mlm_track';
  const others = Array.from({ length: CELLS }, (_, index) =>
    [
      `step_${index} = ${index}`,
      'frame = pd.DataFrame(np.random.rand(100, 6), columns=list("abcdef"))',
      'HTML(frame.to_html())'
    ].join('\n')
  );
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3' } },
    cells: [first, ...others].map(cell)
  };
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

async function main([url, path]) {
  if (url === '--notebook') {
    fs.writeFileSync(path, JSON.stringify(notebook()));
    return;
  }
  const ask = async at => (await fetch(`${url}/mlm/${at}`)).json();
  const { items: projects } = await ask(`projects?notebook=${encodeURIComponent(path)}`);
  const project = projects[0].id;
  const { items: runs } = await ask(`projects/${project}/runs?limit=2`);
  const [other, base] = runs.map(run => run.last_checkpoint_id);
  const began = performance.now();
  await ask(`projects/${project}/diff?base=${base}&other=${other}`);
  console.log(`server: ${Math.round(performance.now() - began)} ms`);

  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu']
  });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto(`${url}/lab?reset`);
  await page.waitForFunction(() => window.jupyterapp?.shell?.currentWidget !== undefined);
  await page.waitForTimeout(3000);
  for (let round = 0; round < ROUNDS; round++) {
    console.log(JSON.stringify(await page.evaluate(measure, { project, base, other })));
  }
  await browser.close();
}

main(process.argv.slice(2));
