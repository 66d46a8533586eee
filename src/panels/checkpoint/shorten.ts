/**
 * Outputs as they are drawn: a text of megabytes is drawn in one go, and the page would answer to nothing for seconds.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';

/** As many characters of a text are drawn, half of them from its end. */
const MOST_CHARACTERS = 200_000;

/** Leave the middle of long texts out, and say so; in the place of long HTML, SVG or Markdown comes the plain text. */
export function shorten(outputs: nbformat.IOutput[], trans: TranslationBundle): nbformat.IOutput[] {
  return outputs.map(output => {
    if (typeof output.text === 'string' || Array.isArray(output.text)) {
      return { ...output, text: cut(output.text as nbformat.MultilineString, trans) };
    }
    const data = output.data as nbformat.IMimeBundle | undefined;
    return data ? { ...output, data: shortenBundle(data, trans) } : output;
  });
}

function shortenBundle(data: nbformat.IMimeBundle, trans: TranslationBundle): nbformat.IMimeBundle {
  const isDrawn = ([type, value]: [string, unknown]): boolean =>
    !/^text\/|\+xml$/.test(type) || lengthOf(value) <= MOST_CHARACTERS;
  const kept = Object.entries(data).filter(isDrawn);
  if (kept.length === Object.keys(data).length) {
    return data;
  }
  const plain = (data['text/plain'] ?? '') as nbformat.MultilineString;
  return { ...Object.fromEntries(kept), 'text/plain': cut(plain, trans) };
}

function cut(text: nbformat.MultilineString, trans: TranslationBundle): nbformat.MultilineString {
  if (lengthOf(text) <= MOST_CHARACTERS) {
    return text;
  }
  const whole = Array.isArray(text) ? text.join('') : text;
  const half = MOST_CHARACTERS / 2;
  const left = (whole.length - MOST_CHARACTERS).toLocaleString();
  const note = trans.__(
    '… %1 characters are left out here: open the checkpoint as a notebook to see them …',
    left
  );
  return `${whole.slice(0, half)}\n${note}\n${whole.slice(-half)}`;
}

function lengthOf(value: unknown): number {
  return typeof value === 'string'
    ? value.length
    : Array.isArray(value)
      ? value.reduce((sum: number, part) => sum + String(part).length, 0)
      : 0;
}
