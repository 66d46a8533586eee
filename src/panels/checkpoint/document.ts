/**
 * A notebook and its outputs as they come from a store that anyone may have written: read with care, and never as trusted.
 */
import type * as nbformat from '@jupyterlab/nbformat';

import { type Json, listOf, objectOf, textOf } from './loose';
import { stateIn, WIDGET, withStandIns } from './widgets';

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

/** What is drawn in full without running anything, whoever wrote it. */
const PASSIVE = /^(text\/plain|text\/latex|image\/(png|jpeg|gif|bmp|webp)|application\/json)$/;
const MARKED_UP = /^text\/(html|markdown)$/;
/** What is left out of markup that is not trusted, a table's style apart, which nobody misses. */
const ACTIVE =
  /<(script|iframe|object|embed|svg|form|input|button|canvas|video|audio|link)\b|\son\w+\s*=|javascript:/i;

export function readNotebook(stored: Json): INotebook {
  const cells = listOf(stored.cells);
  const metadata = objectOf(stored.metadata);
  const widgets = stateIn(metadata);
  return {
    cells: cells.map((cell, index) => readCell(cell, index, widgets)),
    language: readLanguage(metadata),
    content: { ...stored, cells: cells.map(withoutTrust) }
  };
}

/** A server signs a notebook whose cells say that they are trusted: ours must not. */
function withoutTrust(cell: Json): Json {
  return { ...cell, metadata: without(objectOf(cell.metadata), 'trusted') };
}

function readCell(cell: Json, index: number, widgets: Json): INotebookCell {
  const kind = cell.cell_type === 'code' || cell.cell_type === 'markdown' ? cell.cell_type : 'raw';
  return {
    id: typeof cell.id === 'string' ? cell.id : String(index),
    kind,
    source: textOf(cell.source),
    count: typeof cell.execution_count === 'number' ? cell.execution_count : null,
    outputs: readOutputs(withStandIns(listOf(cell.outputs), widgets)),
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

/** Outputs as they can be drawn: what is none is left out, whatever is odd about the others is made good. */
export function readOutputs(outputs: readonly Json[]): nbformat.IOutput[] {
  return outputs.map(readOutput).filter(output => output !== null);
}

function readOutput(output: Json): nbformat.IOutput | null {
  const { output_type } = output;
  switch (output_type) {
    case 'stream':
      return {
        output_type,
        name: output.name === 'stderr' ? 'stderr' : 'stdout',
        text: textOf(output.text)
      };
    case 'error':
      return {
        output_type,
        ename: textOf(output.ename),
        evalue: textOf(output.evalue),
        traceback: Array.isArray(output.traceback) ? output.traceback.map(textOf) : []
      };
    case 'display_data':
    case 'execute_result':
      return {
        output_type,
        execution_count: null,
        data: readData(objectOf(output.data)),
        metadata: objectOf(output.metadata) as nbformat.OutputMetadata
      };
    default:
      return null;
  }
}

/** Of a widget without a state the text is shown that it began with. */
function readData(data: Json): nbformat.IMimeBundle {
  const shown = WIDGET in data && 'text/plain' in data ? without(data, WIDGET) : data;
  return shown as nbformat.IMimeBundle;
}

export function hasWidgets(outputs: readonly Json[]): boolean {
  return outputs.some(output => WIDGET in objectOf(output.data));
}

/** Whether more of the outputs would be shown, or come alive, if they were trusted. */
export function canBeTrusted(outputs: readonly Json[]): boolean {
  return outputs.some(output =>
    Object.entries(objectOf(output.data)).some(([type, data]) =>
      MARKED_UP.test(type) ? ACTIVE.test(textOf(data)) : type !== WIDGET && !PASSIVE.test(type)
    )
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
