import { diffLines, type Line, parseLines, textOf } from '../../src/panels/compare/lines';

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

function someText(random: () => number): string {
  const count = Math.floor(random() * 12);
  return Array.from({ length: count }, () => 'abc '[Math.floor(random() * 4)]).join('\n');
}

function side(lines: readonly Line[], left: 'added' | 'removed'): string {
  return lines
    .flatMap(line => (line.kind === 'gap' || line.kind === left ? [] : [line.text]))
    .join('\n');
}

describe('the lines of a diff', () => {
  it('hold both texts, whatever they are', () => {
    const random = numbers(7);
    for (let round = 0; round < 300; round++) {
      const [before, after] = [someText(random), someText(random)];
      const lines = diffLines(before, after, Infinity);
      if (before === after) {
        expect(lines.every(line => line.kind === 'gap')).toBe(true);
        continue;
      }
      expect(side(lines, 'added')).toBe(before);
      expect(side(lines, 'removed')).toBe(after);
    }
  });

  it('keep what is the same, and leave out most of it', () => {
    const before = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    const after = before.map(line => (line === 'line 10' ? 'another' : line));
    const lines = diffLines(before.join('\n'), after.join('\n'), 2);
    expect(lines.map(textOf)).toEqual([
      '…',
      ' line 8',
      ' line 9',
      '-line 10',
      '+another',
      ' line 11',
      ' line 12',
      '…'
    ]);
    expect(lines[0]).toEqual({ kind: 'gap', count: 8 });
    expect(lines[7]).toEqual({ kind: 'gap', count: 7 });
  });

  it('replace a stretch too large to be compared, in no time', () => {
    const before = Array.from({ length: 5000 }, (_, index) => `a${index}`).join('\n');
    const after = before.replace(/a/g, 'b');
    const began = Date.now();
    const lines = diffLines(before, after);
    expect(lines).toHaveLength(10_000);
    expect(Date.now() - began).toBeLessThan(1000);
  });

  it('are read from the kernel as it writes them', () => {
    const lines = ['@@ -1,3 +1,3 @@', ' one', '-two', '+2', '@@ -9 +9 @@', '--- x', '+'];
    expect(parseLines(lines)).toEqual([
      { kind: 'same', text: 'one' },
      { kind: 'removed', text: 'two' },
      { kind: 'added', text: '2' },
      { kind: 'gap', count: 0 },
      { kind: 'removed', text: '-- x' },
      { kind: 'added', text: '' }
    ]);
  });
});
