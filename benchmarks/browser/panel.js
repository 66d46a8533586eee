/**
 * What does the panel cost beside 10,000 checkpoints: its first rows, its rows in the DOM, its filter, a page from the server?
 *
 *     npm run build:prod && node benchmarks/browser/panel.js
 */
const path = require('path');
const { median, openPage, print, run, withLab } = require('./lab');

const COUNT = 10_000;
const ROUNDS = 5;
const REQUESTS = 21;
const NOTEBOOK = 'train.ipynb';
/** What is typed: much is found, little is, nothing is though all is looked through. */
const FILTERS = ['status:error', 'epoch=77', 'var:v6', 'not to be found'];

async function main() {
  const history = path.join(__dirname, 'history.py');
  await withLab(measure, folder => run(folder, 'python', history, '.', String(COUNT)));
}

async function measure(lab) {
  const pages = await measureServer(lab);
  const opened = [];
  let page;
  for (let round = 0; round < ROUNDS; round++) {
    await page?.context().close();
    page = await openPage(lab, `/lab/tree/${NOTEBOOK}`);
    opened.push(await page.evaluate(showFirstRows));
  }
  const rows = [];
  for (const typed of FILTERS) {
    const times = await page.evaluate(filter, { typed, rounds: ROUNDS });
    rows.push([`filter \`${typed}\``, ...ms(times), '100 ms']);
  }
  const { most, frames, loaded } = await page.evaluate(scroll, COUNT);
  frames.sort((a, b) => a - b);
  const late = frames[Math.floor(frames.length * 0.95)];
  print(
    [`of ${loaded} checkpoints`, 'median', 'worst', 'target'],
    [
      ...pages,
      ['first rows painted after the reply', ...ms(opened), '300 ms'],
      ...rows,
      ['rows in the DOM while all is scrolled through', '', most, '60'],
      ['a frame while scrolling, median and 95th percentile', ...ms([median(frames)], late), '']
    ]
  );
}

function ms(times, worst = Math.max(...times)) {
  return [median(times), worst].map(time => `${Math.round(time)} ms`);
}

/** Pages as the panel asks for them. */
async function measureServer({ url }) {
  const [project] = (await ask(`${url}/mlm/projects?notebook=${NOTEBOOK}`)).items;
  const at = `${url}/mlm/projects/${project.id}/checkpoints?notebook=${NOTEBOOK}`;
  const page = await ask(`${at}&limit=1000`);
  const questions = {
    'first page of 200 from the server': `${at}&limit=200`,
    'a page of 200 further down': `${at}&limit=200&cursor=${page.cursor}`,
    'the newest 20, as asked after a cell': `${at}&limit=20`,
    'a page of 200 through a filter': `${at}&limit=200&text=epoch`
  };
  const rows = [];
  for (const [name, question] of Object.entries(questions)) {
    const times = [];
    for (let request = 0; request < REQUESTS; request++) {
      const start = performance.now();
      await ask(question);
      times.push(performance.now() - start);
    }
    rows.push([name, ...ms(times), '50 ms']);
  }
  return rows;
}

async function ask(url) {
  return (await fetch(url)).json();
}

/** In the page: ms from the end of the answer with the checkpoints to their first painted rows. */
async function showFirstRows() {
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  performance.setResourceTimingBufferSize(10_000);
  await window.jupyterapp.commands.execute('mlm:show-panel');
  while (document.querySelector('.jp-MlmHistory-entry') === null) {
    await painted();
  }
  await painted();
  const now = performance.now();
  const replies = performance
    .getEntriesByType('resource')
    .filter(({ name }) => new URL(name).pathname.endsWith('/checkpoints'));
  return now - replies[0].responseEnd;
}

/** In the page: ms from what is typed to the painted rows that are left. */
async function filter({ typed, rounds }) {
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const box = document.querySelector('.jp-MlmFilter-box');
  const count = document.querySelector('.jp-MlmFilter-count');
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
  const type = async text => {
    const before = count.textContent;
    set.call(box, text); // past React's own, which would not hear of it
    box.dispatchEvent(new Event('input', { bubbles: true }));
    while (count.textContent === before) {
      await painted();
    }
    await painted();
  };
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await type(typed);
    times.push(performance.now() - start);
    await type('');
  }
  return times;
}

/** In the page: load all, then scroll through it; the most rows there were, and ms from frame to frame. */
async function scroll(count) {
  const painted = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const list = document.querySelector('.jp-MlmHistory-list');
  const inDom = () => list.querySelectorAll('.jp-MlmHistory-entry').length;
  list.focus();
  list.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true }));
  const isLast = row => row.getAttribute('aria-posinset') === String(count);
  while (![...list.querySelectorAll('.jp-MlmHistory-entry')].some(isLast)) {
    await painted();
  }
  const frames = [];
  let most = inDom();
  list.scrollTop = 0;
  await painted();
  const step = list.clientHeight * 3;
  while (list.scrollTop + list.clientHeight < list.scrollHeight - 1) {
    const start = performance.now();
    list.scrollTop += step;
    await painted();
    frames.push(performance.now() - start);
    most = Math.max(most, inDom());
  }
  return { most, frames, loaded: count };
}

void main();
