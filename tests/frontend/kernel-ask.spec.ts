/**
 * A question is one Python expression whatever is asked, and a report says what happens to every name.
 */
import { nullTranslator } from '@jupyterlab/translation';
import { execFileSync } from 'child_process';

import { expressionOf } from '../../src/kernel/ask';
import { partsOf } from '../../src/kernel/report';
import type { RestoreReport } from '../../src/schema';

const READ = `
import ast, json, sys
call = ast.parse(json.loads(sys.stdin.read()), mode="eval").body
print(json.dumps(json.loads(ast.literal_eval(call.args[0]))))
`;

test('Python reads what was asked, to the letter', () => {
  const args = {
    quotes: `'"\\ ''' """ \\n`,
    lines: 'a\nb\r\n\u2028\u2029\u0000\u0007\u007f',
    letters: 'naïve 漢字 🦉',
    half: 'a\ud83eb',
    brace: '{x!r} %s',
    values: [1, 2.5, true, null, { deep: [''] }]
  };
  const input = JSON.stringify(expressionOf('restore', args));
  const read = execFileSync('python3', ['-c', READ], { input, encoding: 'utf-8' });
  expect(JSON.parse(read)).toEqual({ verb: 'restore', args });
});

test('a report names every variable that something happens to, as a forecast and as a fact', () => {
  const report: RestoreReport = {
    checkpoint_id: 'c',
    is_dry_run: true,
    restored: ['a', 'b'],
    unchanged: ['same'],
    removed: ['later'],
    kept: ['connection'],
    failed: { generator: 'it cannot be stored' },
    lossy: { b: 'without .grad' },
    notes: []
  };
  const trans = nullTranslator.load('mlm_jupyter');
  for (const is_dry_run of [true, false]) {
    const parts = partsOf({ ...report, is_dry_run }, trans);
    expect(parts.map(({ names }) => names)).toEqual([
      ['a', 'b'],
      ['later'],
      ['generator'],
      ['connection'],
      ['b'],
      ['same']
    ]);
    expect(parts[0].title).toMatch(/^2 variables (get|have)/);
    expect(parts[1].title).toMatch(is_dry_run ? /^1 variable .*will be removed/ : /was removed/);
    expect(parts[2].reasons).toEqual({ generator: 'it cannot be stored' });
  }
  const nothing = { ...report, restored: [], unchanged: [], removed: [], kept: [] };
  expect(partsOf({ ...nothing, failed: {}, lossy: {} }, trans)).toEqual([]);
});
