/**
 * A notebook and its outputs as they come from a store that anyone may have written: read with care, and never as trusted.
 */
import type * as nbformat from '@jupyterlab/nbformat';

type Json = { [key: string]: unknown };

export interface INotebookCell {
  id: string;
  kind: 'code' | 'markdown' | 'raw';
  source: string;
  count: number | null;
  outputs: nbformat.IOutput[];
  attachments: nbformat.IAttachments | undefined;
}

export interface INotebook {
  cells: INotebookCell[];
  /** What the cells are written in, as the notebook says. */
  language: { name: string; mimetype?: string };
  /** All of it, to be written to a file: no cell claims that it can be trusted. */
  content: Json;
}

const PYTHON = { name: 'python', mimetype: 'text/x-ipython' };
const WIDGET = 'application/vnd.jupyter.widget-view+json';

/** What is drawn without running anything, whoever wrote it. */
const PASSIVE = /^(text\/plain|text\/latex|image\/(png|jpeg|gif|bmp|webp)|application\/json)$/;

export function readNotebook(stored: Json): INotebook {
  const cells = listOf(stored.cells);
  return {
    cells: cells.map(readCell),
    language: readLanguage(objectOf(stored.metadata)),
    content: { ...stored, cells: cells.map(withoutTrust) }
  };
}

/** A server signs a notebook whose cells say that they are trusted: ours must not. */
function withoutTrust(cell: Json): Json {
  return { ...cell, metadata: without(objectOf(cell.metadata), 'trusted') };
}

function readCell(cell: Json, index: number): INotebookCell {
  const kind = cell.cell_type === 'code' || cell.cell_type === 'markdown' ? cell.cell_type : 'raw';
  return {
    id: typeof cell.id === 'string' ? cell.id : String(index),
    kind,
    source: textOf(cell.source),
    count: typeof cell.execution_count === 'number' ? cell.execution_count : null,
    outputs: readOutputs(listOf(cell.outputs)),
    attachments: cell.attachments as nbformat.IAttachments | undefined
  };
}

function readLanguage(metadata: Json): INotebook['language'] {
  const { name, mimetype } = objectOf(metadata.language_info);
  if (typeof name !== 'string') {
    return PYTHON;
  }
  return name === 'python' || typeof mimetype !== 'string'
    ? { ...PYTHON, name }
    : { name, mimetype };
}

/**
 * Outputs as they can be shown: a widget needs the kernel that made it, so its text is shown instead.
 */
export function readOutputs(outputs: readonly Json[]): nbformat.IOutput[] {
  return outputs.map(output => {
    const data = objectOf(output.data);
    if (!(WIDGET in data) || !('text/plain' in data)) {
      return output as unknown as nbformat.IOutput;
    }
    return { ...output, data: without(data, WIDGET) } as unknown as nbformat.IOutput;
  });
}

export function hasWidgets(outputs: readonly Json[]): boolean {
  return outputs.some(output => WIDGET in objectOf(output.data));
}

/** Whether more of the outputs would be shown, or come alive, if they were trusted. */
export function canBeTrusted(outputs: readonly Json[]): boolean {
  return outputs.some(output =>
    Object.keys(objectOf(output.data)).some(type => type !== WIDGET && !PASSIVE.test(type))
  );
}

/** The pictures that a cell displayed, as addresses of images. */
export function picturesOf(outputs: readonly Json[]): string[] {
  return outputs.flatMap(output => {
    const png = objectOf(output.data)['image/png'];
    return typeof png === 'string' ? [`data:image/png;base64,${png.replace(/\s/g, '')}`] : [];
  });
}

function without(object: Json, name: string): Json {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '';
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}
