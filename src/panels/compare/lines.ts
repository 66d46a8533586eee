/**
 * What differs between two texts, as the lines of a unified diff.
 */

/** A line with what became of it, or (`gap`) how many unchanged lines are left out. */
export type Line =
  { kind: 'same' | 'added' | 'removed'; text: string } | { kind: 'gap'; count: number };

/** Lines of one side times lines of the other that are compared; beyond it the stretch is replaced whole. */
const MOST_PAIRS = 4_000_000;

/** The lines of both texts in order, those that stayed left out but for `context` of them around each change. */
export function diffLines(before: string, after: string, context = 3): Line[] {
  const a = split(before);
  const b = split(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail++;
  }
  const middle = diffMiddle(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const all = [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)];
  return fold(all, context);
}

/** A line as a unified diff writes it. */
export function textOf(line: Line): string {
  switch (line.kind) {
    case 'gap':
      return '…';
    case 'same':
      return ` ${line.text}`;
    case 'added':
      return `+${line.text}`;
    case 'removed':
      return `-${line.text}`;
  }
}

/** The lines of a unified diff that was made elsewhere, without a file header; its hunks are parted by a gap. */
export function parseLines(lines: readonly string[]): Line[] {
  return lines.flatMap((line, index): Line[] => {
    const text = line.slice(1);
    switch (line[0]) {
      case '+':
        return [{ kind: 'added', text }];
      case '-':
        return [{ kind: 'removed', text }];
      case '@':
        return index ? [{ kind: 'gap', count: 0 }] : [];
      default:
        return [{ kind: 'same', text }];
    }
  });
}

function split(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

function same(text: string): Line {
  return { kind: 'same', text };
}

function diffMiddle(a: readonly string[], b: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ kind: 'removed', text });
  const added = (text: string): Line => ({ kind: 'added', text });
  if (!a.length || !b.length || a.length * b.length > MOST_PAIRS) {
    return [...a.map(removed), ...b.map(added)];
  }
  const lengths = commonLengths(a, b);
  const width = b.length + 1;
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(same(a[i++]));
      j++;
    } else if (
      j === b.length ||
      (i < a.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])
    ) {
      lines.push(removed(a[i++]));
    } else {
      lines.push(added(b[j++]));
    }
  }
  return lines;
}

/** The length of the longest common subsequence of every pair of ends. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1] + 1
          : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  return lengths;
}

function fold(lines: readonly Line[], context: number): Line[] {
  const isNear = new Array<boolean>(lines.length).fill(false);
  lines.forEach((line, index) => {
    if (line.kind !== 'same') {
      isNear.fill(true, Math.max(0, index - context), index + context + 1);
    }
  });
  const folded: Line[] = [];
  for (let index = 0; index < lines.length; index++) {
    if (isNear[index]) {
      folded.push(lines[index]);
      continue;
    }
    const start = index;
    while (index + 1 < lines.length && !isNear[index + 1]) {
      index++;
    }
    folded.push({ kind: 'gap', count: index + 1 - start });
  }
  return folded;
}
