/**
 * A part whose code cannot be had says what to do in its place, and leaves the others alone.
 */
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

import { Lazy } from '../../src/panels/lazy';
import { reasonOf } from '../../src/reason';

const { act } = React;
const trans = nullTranslator.load('mlm_jupyter');

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

/** What the bundler throws for a file that is gone. */
function missingChunk(): Error {
  const error = new Error('Loading chunk 42 failed.\n(error: http://localhost/static/42.old.js)');
  error.name = 'ChunkLoadError';
  return error;
}

async function draw(load: () => Promise<{ default: React.ComponentType }>): Promise<HTMLElement> {
  const Part = React.lazy(load);
  const page = document.createElement('div');
  await act(async () =>
    createRoot(page).render(
      <>
        <p>Above</p>
        <Lazy trans={trans} waiting="Loading…">
          <Part />
        </Lazy>
      </>
    )
  );
  return page;
}

beforeEach(() => void jest.spyOn(console, 'error').mockImplementation());
afterEach(() => jest.restoreAllMocks());

test('a part is drawn when its code is there', async () => {
  let come = (_: { default: React.ComponentType }): void => undefined;
  const page = await draw(() => new Promise(resolve => (come = resolve)));
  expect(page.textContent).toBe('AboveLoading…');
  await act(async () => come({ default: () => <p>Part</p> }));
  expect(page.textContent).toBe('AbovePart');
});

test('a part whose code is gone says so, and offers to reload the page', async () => {
  const page = await draw(() => Promise.reject(missingChunk()));
  expect(page.textContent).toContain('Above');
  const alert = page.querySelector('[role="alert"]')!;
  expect(alert.textContent).toContain('could not be loaded');
  expect(alert.textContent).not.toContain('chunk 42');
  expect(alert.querySelector('button')?.textContent).toBe('Reload the page');
});

test('a part that fails says why', async () => {
  const Broken = (): React.JSX.Element => {
    throw new TypeError('x is not iterable');
  };
  const page = await draw(async () => ({ default: Broken }));
  expect(page.querySelector('[role="alert"]')?.textContent).toContain('x is not iterable');
});

test('a command whose code is gone says what to do; any other failure is told as it is', () => {
  expect(reasonOf(missingChunk(), trans)).toContain('Reload the page.');
  expect(reasonOf(new Error('The store is locked. Try again.'), trans)).toBe(
    'The store is locked. Try again.'
  );
  expect(reasonOf('text', trans)).toBe('text');
});
