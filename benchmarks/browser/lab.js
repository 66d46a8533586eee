/**
 * What the benchmarks in the browser begin with: a JupyterLab of their own that serves the built extension, with a folder of
 * its own and no token, and a headless Chromium ($CHROMIUM, else /usr/bin/chromium) looking at it; and how figures are printed.
 *
 * `jupyter` and `python` are those on PATH. $MLM_UI_EXTENSIONS names a folder with the extension where it is not installed.
 */
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { chromium } = require('@playwright/test');

const root = path.resolve(__dirname, '../..');

/** How long a server may take to answer first. */
const START_MS = 60_000;

/** Serve JupyterLab from a new folder while `work` is done; `fill` puts into the folder what is there at the start. */
async function withLab(work, fill = () => undefined) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mlm-bench-'));
  const port = await freePort();
  await fill(folder);
  const server = spawn('jupyter', ['lab', '--config', 'jupyter_server_test_config.py'], {
    cwd: path.join(root, 'tests/ui'),
    env: { ...process.env, MLM_UI_PORT: String(port), JUPYTERLAB_GALATA_ROOT_DIR: folder },
    stdio: 'ignore'
  });
  const browser = await launch();
  try {
    const url = `http://localhost:${port}`;
    await answers(`${url}/api`);
    return await work({ url, folder, browser });
  } finally {
    await browser.close();
    await end(server);
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu']
  });
}

/** A page with nothing in the browser's cache, in which JupyterLab is ready; `prepare` comes before it is loaded. */
async function openPage({ url, browser }, at = '/lab', prepare = async () => undefined) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  await prepare(page);
  await page.goto(`${url}${at}${at.includes('?') ? '&' : '?'}reset`);
  await page.waitForFunction(() => window.jupyterapp?.hasPlugin('mlm-jupyter:plugin'));
  await page.evaluate(() => window.jupyterapp.restored);
  return page;
}

/** A notebook of code cells. */
function notebookOf(sources) {
  const cell = (source, index) => ({
    cell_type: 'code',
    id: `cell-${index}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source
  });
  const kernelspec = { name: 'python3', display_name: 'Python 3' };
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec },
    cells: sources.map(cell)
  });
}

/** Run a program of the project's environment in a folder until it has ended; what it says is shown where it fails. */
function run(folder, program, ...args) {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

function freePort() {
  return new Promise(resolve => {
    const server = net.createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url) {
  const last = Date.now() + START_MS;
  for (;;) {
    const reply = await fetch(url).catch(() => null);
    if (reply?.ok) {
      return;
    }
    if (Date.now() > last) {
      throw new Error(`Nothing answers at ${url}`);
    }
    await sleep(200);
  }
}

function end(server) {
  return new Promise(resolve => {
    if (server.exitCode !== null) {
      resolve();
    }
    server.once('exit', resolve);
    server.kill('SIGTERM');
    setTimeout(() => server.kill('SIGKILL'), 10_000).unref();
  });
}

function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Print a table in Markdown, and how busy the machine was. */
function print(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  console.log([line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n'));
  console.log(`\n${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}`);
}

module.exports = {
  answers,
  end,
  freePort,
  launch,
  median,
  notebookOf,
  openPage,
  print,
  root,
  run,
  sleep,
  withLab
};
