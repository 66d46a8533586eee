/**
 * Widgets as they stood: told in text and by the outputs they held, from the state that was stored. Nothing of it is run, so nobody
 * has to trust it; JupyterLab's own would need a kernel, and draw whatever a state says.
 */
import { type Json, listOf, objectOf, textOf } from './loose';

export const WIDGET = 'application/vnd.jupyter.widget-view+json';
const STATE = 'application/vnd.jupyter.widget-state+json';
/** What says more of a widget than its state does: the picture of a figure. */
const RICHER = /^(image\/|text\/html$)/;
const BAR = 10;

/** The state of the widgets of a notebook, as its metadata holds it. */
export function stateIn(metadata: Json): Json {
  return objectOf(objectOf(metadata.widgets)[STATE]);
}

/** Outputs with something else in the place of widgets whose state is known. */
export function withStandIns(outputs: readonly Json[], state: Json | null): Json[] {
  return replace(outputs, objectOf(state?.state), new Set());
}

/** `seen`: widgets are drawn once, so that a state which refers to itself comes to an end. */
function replace(outputs: readonly Json[], models: Json, seen: Set<string>): Json[] {
  return outputs.flatMap(output => {
    const data = objectOf(output.data);
    const id = textOf(objectOf(data[WIDGET]).model_id);
    if (!isKnown(models[id]) || Object.keys(data).some(type => RICHER.test(type))) {
      return [output];
    }
    const parts = draw(id, models, seen);
    return parts.length ? joined(parts) : [output];
  });
}

/** Others' widgets have their own ideas of a state. */
function isKnown(model: unknown): boolean {
  return textOf(objectOf(model).model_module).startsWith('@jupyter-widgets/');
}

/** Lines of text, and outputs between them. */
type Part = string | Json;

function draw(id: string, models: Json, seen: Set<string>): Part[] {
  if (seen.has(id)) {
    return [];
  }
  seen.add(id);
  const model = objectOf(models[id]);
  const state = objectOf(model.state);
  const kind = textOf(model.model_name).replace(/Model$/, '');
  if (!isKnown(model)) {
    return kind ? [`(${kind})`] : [];
  }
  const children = (Array.isArray(state.children) ? state.children : []).map(child =>
    draw(textOf(child).replace(/^IPY_MODEL_/, ''), models, seen)
  );
  switch (kind) {
    case 'Output':
      return replace(listOf(state.outputs), models, seen);
    case 'HBox':
      return besideEachOther(children);
    case 'Accordion':
    case 'Stack':
    case 'Tab':
      return children.flatMap((parts, index) => [titleOf(state, index), ...parts]);
    case 'Image':
      return pictureOf(model);
    default:
      return children.length ? children.flat() : [lineOf(kind, state)].filter(Boolean);
  }
}

function besideEachOther(children: readonly Part[][]): Part[] {
  const isLine = children.every(([first, second]) => typeof first === 'string' && !second);
  return isLine ? [children.join(' ')] : children.flat();
}

function titleOf(state: Json, index: number): string {
  const titles = Array.isArray(state.titles) ? state.titles : [];
  return `${textOf(titles[index]) || index + 1}:`;
}

/** Its bytes are beside the state. */
function pictureOf(model: Json): Part[] {
  const [{ data, encoding } = {} as Json] = listOf(model.buffers);
  const type = `image/${textOf(objectOf(model.state).format) || 'png'}`;
  return encoding === 'base64' ? [outputOf({ [type]: data })] : [];
}

/** A widget that stands for itself: what it is called, and its value. */
function lineOf(kind: string, state: Json): string {
  const name = plain(state.description);
  const { value } = state;
  switch (kind) {
    case 'Button':
      return `[${name}]`;
    case 'Checkbox':
    case 'ToggleButton':
    case 'Valid':
      return `${value ? '☑' : '☐'} ${name}`;
    case 'FloatProgress':
    case 'IntProgress':
      return labelled(name, barOf(state));
    case 'Password':
      return labelled(name, '•••');
    default:
      return '_options_labels' in state
        ? labelled(name, chosen(state))
        : labelled(name, valueOf(value ?? (/^(Int|Float|Bounded)/.test(kind) ? 0 : '')));
  }
}

function labelled(name: string, value: string): string {
  return name ? `${name.replace(/:$/, '')}: ${value}` : value;
}

/** As tqdm draws it where it draws in text. */
function barOf({ value = 0, min = 0, max = 100 }: Json): string {
  const share = (Number(value) - Number(min)) / (Number(max) - Number(min)) || 0;
  const full = Math.round(BAR * Math.min(1, Math.max(0, share)));
  return `|${'█'.repeat(full)}${' '.repeat(BAR - full)}|`;
}

function chosen({ _options_labels: labels, index }: Json): string {
  const all = Array.isArray(labels) ? labels : [];
  return (
    [index]
      .flat()
      .flatMap(at => all[Number(at ?? NaN)] ?? [])
      .join(', ') || '–'
  );
}

function valueOf(value: unknown): string {
  const { year, month, date } = objectOf(value);
  if (typeof year === 'number') {
    return [year, Number(month) + 1, date].map(part => String(part).padStart(2, '0')).join('-');
  }
  return Array.isArray(value) ? value.map(valueOf).join(', ') : plain(value);
}

/** The text of markup; a parsed document neither runs nor loads anything. */
function plain(value: unknown): string {
  const text = typeof value === 'object' ? '' : String(value ?? '');
  const read = /[<&]/.test(text)
    ? (new DOMParser().parseFromString(text, 'text/html').body.textContent ?? '')
    : text;
  return read.replace(/[^\S\n]+/g, ' ').trim();
}

function joined(parts: readonly Part[]): Json[] {
  const outputs: Json[] = [];
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length) {
      outputs.push(outputOf({ 'text/plain': lines.join('\n') }));
      lines = [];
    }
  };
  for (const part of parts) {
    if (typeof part === 'string') {
      lines.push(part);
    } else {
      flush();
      outputs.push(part);
    }
  }
  flush();
  return outputs;
}

function outputOf(data: Json): Json {
  return { output_type: 'display_data', data, metadata: {} };
}
