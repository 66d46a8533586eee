/**
 * What a kernel was told of the notebook that is shown, and what has changed since: only that is said again.
 *
 * The model says what changes, so a message costs what it says, however many cells there are.
 */
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

export type SharedNotebook = INotebookModel['sharedModel'];
type SharedCell = SharedNotebook['cells'][number];

/** One cell as the kernel is told of it. */
export interface ITold {
  id: string;
  cell_type: string;
  source: string;
  metadata: { [key: string]: unknown };
  attachments?: { [key: string]: unknown };
}

/** What is told: the cells that are new or changed; all the rest only where it changed. */
export interface IDocument {
  cells: ITold[];
  order?: string[];
  metadata?: { [key: string]: unknown };
  path?: string;
  /** Where it was before it was renamed. */
  before?: string[];
}

/** Times of execution change with each one, and whether outputs are trusted is this browser's matter. */
export const NOT_OF_A_CELL = new Set(['execution', 'trusted']);

/** The state of all widgets can be megabytes; the kernel knows it better. */
const NOT_OF_A_NOTEBOOK = new Set(['widgets']);

export class DocumentTeller implements IDisposable {
  constructor(private readonly notebook: SharedNotebook) {
    notebook.changed.connect(this.onNotebook, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  /** What the kernel does not know yet; null when it knows all. From now on it counts as told. */
  take(path: string): IDocument | null {
    const order = this.isOrderOld ? this.takeOrder() : null;
    const told: IDocument = { cells: this.takeCells() };
    if (order) {
      told.order = order;
    }
    if (this.isMetadataOld) {
      this.isMetadataOld = false;
      told.metadata = without(this.notebook.metadata, NOT_OF_A_NOTEBOOK);
    }
    if (path !== this.path) {
      this.path = told.path = path;
    }
    return told.cells.length || Object.keys(told).length > 1 ? told : null;
  }

  /** Tell everything again next time: another kernel, or somebody else has told it of theirs. */
  forget(): void {
    this.told.clear();
    this.order = '';
    this.path = null;
    this.isOrderOld = this.isMetadataOld = true;
    this.changed = new Set(this.heard.values());
  }

  private takeOrder(): string[] | null {
    this.isOrderOld = false;
    const cells = new Map(this.notebook.cells.map(cell => [this.idOf(cell), cell]));
    for (const [id, cell] of this.heard) {
      if (cells.get(id) !== cell) {
        cell.changed.disconnect(this.onCell, this);
        this.changed.delete(cell);
        this.heard.delete(id);
      }
    }
    for (const [id, cell] of cells) {
      if (!this.heard.has(id)) {
        cell.changed.connect(this.onCell, this);
        this.changed.add(cell);
        this.heard.set(id, cell);
      }
    }
    for (const id of this.told.keys()) {
      if (!cells.has(id)) {
        this.told.delete(id); // should it come back, by undo, it is told again
      }
    }
    const order = [...cells.keys()];
    const text = JSON.stringify(order);
    if (text === this.order) {
      return null;
    }
    this.order = text;
    return order;
  }

  /** A look into the shared document takes microseconds, and there may be thousands of cells. */
  private idOf(cell: SharedCell): string {
    let id = this.ids.get(cell);
    if (id === undefined) {
      this.ids.set(cell, (id = cell.getId()));
    }
    return id;
  }

  private takeCells(): ITold[] {
    const cells: ITold[] = [];
    for (const cell of this.changed) {
      const content = contentOf(cell);
      const text = JSON.stringify(content);
      if (this.told.get(content.id) !== text) {
        this.told.set(content.id, text);
        cells.push(content);
      }
    }
    this.changed.clear();
    return cells;
  }

  private onNotebook(
    _: SharedNotebook,
    change: { cellsChange?: unknown; metadataChange?: unknown }
  ): void {
    this.isOrderOld = this.isOrderOld || change.cellsChange !== undefined;
    this.isMetadataOld = this.isMetadataOld || change.metadataChange !== undefined;
  }

  private onCell(
    cell: SharedCell,
    change: { sourceChange?: unknown; metadataChange?: unknown; attachmentsChange?: unknown }
  ): void {
    if (change.sourceChange || change.metadataChange || change.attachmentsChange) {
      this.changed.add(cell);
    }
  }

  private _isDisposed = false;
  private isOrderOld = true;
  private isMetadataOld = true;
  private path: string | null = null;
  /** The ids last told, as text. */
  private order = '';
  /** What was last told of each cell, as text. */
  private readonly told = new Map<string, string>();
  /** The cells that are listened to. */
  private readonly heard = new Map<string, SharedCell>();
  private changed = new Set<SharedCell>();
  private readonly ids = new WeakMap<SharedCell, string>();
}

function contentOf(cell: SharedCell): ITold {
  const content: ITold = {
    id: cell.getId(),
    cell_type: cell.cell_type,
    source: cell.getSource(),
    metadata: without(cell.getMetadata(), NOT_OF_A_CELL)
  };
  const attachments = 'getAttachments' in cell ? cell.getAttachments() : undefined;
  return attachments && Object.keys(attachments).length ? { ...content, attachments } : content;
}

/** An object less some of its entries. */
export function without(values: object, names: Set<string>): { [key: string]: unknown } {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
}
