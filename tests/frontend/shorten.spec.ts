/**
 * Texts of megabytes in the view of a checkpoint.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import { nullTranslator } from '@jupyterlab/translation';

import { shorten } from '../../src/panels/checkpoint/shorten';

const trans = nullTranslator.load('mlm_jupyter');
const LONG = 'begin' + 'x'.repeat(5_000_000) + 'end';

function display(data: nbformat.IMimeBundle): nbformat.IOutput {
  return { output_type: 'display_data', data, metadata: {} };
}

test('a long text keeps its beginning and its end, and says what is missing', () => {
  const [stream] = shorten([{ output_type: 'stream', name: 'stdout', text: [LONG, LONG] }], trans);
  const text = stream.text as string;
  expect(text.length).toBeLessThan(201_000);
  expect(text).toMatch(/^begin[^]*9,800,016 characters are left out here[^]*end$/);
});

test('a long table or picture as text gives way to its plain text; what is short stays as it is', () => {
  const [table] = shorten([display({ 'text/html': LONG, 'text/plain': 'a table' })], trans);
  expect(table.data).toEqual({ 'text/plain': 'a table' });
  const short = display({ 'text/html': '<b>1</b>', 'image/png': LONG });
  expect(shorten([short], trans)).toEqual([short]);
  expect(shorten([], trans)).toEqual([]);
});
