/**
 * The history in the browser is the one in the store: whatever is written, deleted and renamed, in whatever order answers come.
 */
import { ClientError } from '../../src/client';
import {
  findStanding,
  firstLine,
  metricMoves,
  pathToRoot,
  savingEntry
} from '../../src/model/entries';
import { completeFilter, parseFilter } from '../../src/model/filter';
import { History } from '../../src/model/history';
import { aChain, aCheckpoint, FakeStore, idOf } from './history.data';
import { generator } from './runs.data';

const idsOf = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);

test('pages put together are the history, newest first, drawn with all its lines', async () => {
  const store = new FakeStore(aChain(450));
  const history = new History(store, 'p');
  await history.ask({});
  expect(history.entries).toHaveLength(200);
  expect(history.total).toBe(450);
  await Promise.all([history.more(), history.more()]);
  expect(history.entries).toHaveLength(400);
  await history.more();
  expect(idsOf(history.entries)).toEqual(idsOf(store.newestFirst));
  expect(history.graph.rows).toHaveLength(450);
  expect(history.isComplete).toBe(true);
  await history.more();
  expect(store.asked).toHaveLength(3);
});

test('after any writing, deleting and naming, a refresh shows what the store has, down to where it is loaded', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const store = new FakeStore(aChain(1 + Math.floor(random() * 700)));
    const history = new History(store, 'p');
    await history.ask({});
    let next = 10_000;
    for (let round = 0; round < 8; round++) {
      const added = random() < 0.2 ? 250 : Math.floor(random() * 30);
      store.items = [
        ...store.items.filter(() => random() > (round % 3 === 0 ? 0.05 : 0)),
        ...Array.from({ length: added }, () => aCheckpoint(++next))
      ];
      if (random() < 0.4) {
        await history.more();
      }
      await history.refresh(history.entries[Math.floor(random() * history.entries.length)]?.id);
      const stored = idsOf(store.newestFirst);
      expect(idsOf(history.entries)).toEqual(stored.slice(0, history.entries.length));
      expect(history.total).toBe(stored.length);
    }
    await history.all();
    expect(idsOf(history.entries)).toEqual(idsOf(store.newestFirst));
  }
});

test('a name given elsewhere is seen on the page that is shown', async () => {
  const store = new FakeStore(aChain(600));
  const history = new History(store, 'p');
  await history.ask({});
  await history.all();
  const id = idOf(120);
  store.items = store.items.map(item => (item.id === id ? { ...item, name: 'best' } : item));
  await history.refresh(idOf(100));
  expect(history.entries.find(entry => entry.id === id)?.name).toBe('best');
  expect(history.find(id)?.name).toBe('best');
});

test('a thousand events are few requests', async () => {
  const store = new FakeStore(aChain(50));
  const history = new History(store, 'p');
  await history.ask({});
  store.asked.length = 0;
  await Promise.all(Array.from({ length: 1000 }, () => history.refresh()));
  expect(store.asked.length).toBeLessThanOrEqual(2);
  expect(store.asked[0].limit).toBeLessThanOrEqual(20);
});

test('a late answer to an earlier question is dropped; what is shown stays until the answer is there', async () => {
  const store = new FakeStore([...aChain(3), aCheckpoint(4, { status: 'error' })]);
  const history = new History(store, 'p');
  await history.ask({});
  let open = (): void => undefined;
  store.gate = new Promise(resolve => (open = resolve));
  const slow = history.ask({ text: 'x = 1' });
  store.gate = Promise.resolve();
  const fast = history.ask({ status: 'error' });
  expect(history.entries).toHaveLength(4);
  await fast;
  open();
  await slow;
  expect(idsOf(history.entries)).toEqual([idOf(4)]);
  expect(history.isFiltered).toBe(true);
  expect(history.graph.rows).toEqual([]);
});

test('a failure is told and what is shown stays; the next answer takes it back', async () => {
  const store = new FakeStore(aChain(3));
  const history = new History(store, 'p');
  await history.ask({});
  store.failure = new ClientError('storage', 'The store is locked. Try again.', 503);
  await history.refresh();
  expect(history.failure?.message).toBe('The store is locked. Try again.');
  expect(history.entries).toHaveLength(3);
  store.failure = null;
  await history.refresh();
  expect(history.failure).toBeNull();
});

test('what is being saved is on top at once, once, until it is stored or its kernel is gone', async () => {
  const store = new FakeStore(aChain(3));
  const history = new History(store, 'p');
  await history.ask({ notebook: 'a.ipynb' });
  const news = { id: idOf(4), source: 'big()', cell_id: 'c', created_at: 4 };
  history.addSaving(savingEntry(news, history.entries[0], 'a.ipynb'));
  expect(idsOf(history.entries)).toEqual([4, 3, 2, 1].map(idOf));
  expect(history.entries[0].is_saving).toBe(true);
  expect(history.graph.rows.map(row => row.lane)).toEqual([0, 0, 0, 0]);
  expect(history.total).toBe(4);

  store.items.push(aCheckpoint(4));
  await history.refresh();
  expect(idsOf(history.entries)).toEqual([4, 3, 2, 1].map(idOf));
  expect(history.entries[0].is_saving).toBeUndefined();

  history.addSaving(savingEntry({ ...news, id: idOf(5) }, history.entries[0], 'a.ipynb'));
  history.forgetSaving();
  expect(history.entries).toHaveLength(4);
});

test('the filter box is read as it is typed', () => {
  const quoted = (value: string): string => (/\s/.test(value) ? `"${value}"` : value);
  const typed = ({ text, variable: name, ...others }: { [field: string]: string }): string => {
    const terms = Object.entries({ ...(name && { var: name }), ...others });
    return [...terms.map(([field, value]) => `${field}:${quoted(value)}`), text ?? ''].join(' ');
  };
  const random = generator(5);
  const pick = (words: string[]): string => words[Math.floor(random() * words.length)];
  for (let round = 0; round < 300; round++) {
    const filter = {
      ...(random() < 0.5 && {
        text: pick(['merge', 'a b', 'x = 1', 'http://a', 'f(x):', 'to:be'])
      }),
      ...(random() < 0.5 && { variable: pick(['df', 'x_1', 'größe']) }),
      ...(random() < 0.5 && { status: pick(['ok', 'error', 'interrupted']) }),
      ...(random() < 0.5 && { run: pick(['r1', 'my run']) }),
      ...(random() < 0.5 && { cell: pick(['8f3a-1']) })
    };
    expect(parseFilter(typed(filter))).toEqual(filter);
  }
  expect(parseFilter('left var:df status:e right')).toEqual({
    text: 'left right',
    variable: 'df',
    status: 'error'
  });
  expect(parseFilter('var: status:')).toEqual({});
  expect(parseFilter('constructor:x')).toEqual({ text: 'constructor:x' });
});

test('what is typed is completed behind what was typed before', () => {
  expect(completeFilter('merge var:d', ['df', 'y'])).toEqual(['merge var:df']);
  expect(completeFilter('status:error', [])).toEqual([]);
  expect(completeFilter('', ['df'])).toContain('status:interrupted');
});

test.each([
  ['\n\n  df = load()\ndf.head()', 'df = load()'],
  [
    '# Clean\n%matplotlib inline\nimport pandas as pd\nfrom a import (\n  b,\n  c)\n\nclean(df)',
    'clean(df)'
  ],
  ['%%time\nfit(x)', 'fit(x)'],
  ['import pandas as pd\nimport numpy', 'import pandas as pd'],
  ['%load_ext mlm_jupyter\n%mlm_track --name a', '%mlm_track --name a'],
  ['# only words', '# only words'],
  ['important = 1', 'important = 1'],
  ['', '']
])('a cell is known by the line that does something: %j', (source, line) => {
  expect(firstLine(source)).toBe(line);
});

test('a metric is compared with its last value on the way to the root, not with the newest', () => {
  const items = [
    aCheckpoint(1, { metrics: { acc: 0.5, loss: 2 } }),
    aCheckpoint(2, { metrics: { acc: 0.6 } }),
    aCheckpoint(3, { metrics: { acc: 0.9 } }),
    aCheckpoint(4, { parent_id: idOf(2) }),
    aCheckpoint(5, { metrics: { acc: 0.7, loss: 1, f1: 0.4 } })
  ];
  const find = (id: string) => items.find(item => item.id === id);
  expect(metricMoves(items[4], find)).toEqual([
    { key: 'acc', value: 0.7, before: 0.6 },
    { key: 'loss', value: 1, before: 2 },
    { key: 'f1', value: 0.4 }
  ]);
  expect([...pathToRoot(idOf(5), find)]).toEqual([5, 4, 2, 1].map(idOf));
  const unknown = (id: string) => (id === idOf(4) ? undefined : find(id));
  expect(metricMoves(items[4], unknown)[0]).toEqual({ key: 'acc', value: 0.7 });
});

test('the kernel stands where it said, and goes on with what is made on top of that', () => {
  const chain = aChain(5).reverse();
  expect(findStanding(chain, null, 'a.ipynb')).toBe(idOf(5));
  expect(findStanding([aCheckpoint(6, { kind: 'save' }), ...chain], null, 'a.ipynb')).toBe(idOf(5));
  // Back to 2: its old child 3 is older news than that.
  const told = { id: idOf(2), newest: idOf(6) };
  const saved = [aCheckpoint(6, { kind: 'save', parent_id: idOf(5) }), ...chain];
  expect(findStanding(saved, told, 'a.ipynb')).toBe(idOf(2));
  const branched = [aCheckpoint(8), aCheckpoint(7, { parent_id: idOf(2) }), ...saved];
  expect(findStanding(branched, told, 'a.ipynb')).toBe(idOf(8));
});
