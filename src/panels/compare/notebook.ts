/**
 * The diff of two notebooks, drawn by nbdime: changed cells as they come in sight, runs of unchanged ones when asked for.
 * Loaded when the first notebook is compared, nbdime's code and style with it.
 */
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import { Panel, Widget } from '@lumino/widgets';
import { type CellDiffModel, NotebookDiffModel } from 'nbdime/lib/diff/model';
import { CellDiffWidget, NotebookDiffWidget } from 'nbdime/lib/diff/widget';
import type { IDiffEntry } from 'nbdime/lib/diff/diffentries';

import 'nbdime/lib/common/collapsible.css';
import 'nbdime/lib/upstreaming/flexpanel.css';
import 'nbdime/lib/styles/variables.css';
import 'nbdime/lib/styles/common.css';
import 'nbdime/lib/styles/diff.css';

import type { NotebookDiff } from '../../schema';
import { addNames, type INumbers } from './names';
import { type IPart, partition, slices } from './parts';

/** Chunks of cells drawn without a pause. */
const AT_ONCE = 3;
/** How far below the visible part cells are drawn ahead. */
const AHEAD = '600px';

type Chunk = CellDiffModel[];

interface INotebookViewOptions {
  notebook: NotebookDiff;
  rendermime: IRenderMimeRegistry;
  editorFactory: CodeEditor.Factory;
  translator: ITranslator;
  trans: TranslationBundle;
  onlyChanges: boolean;
  /** What scrolls: cells are drawn when they come near its visible part. */
  scroller: HTMLElement;
}

export class NotebookView extends Panel {
  constructor(private readonly options: INotebookViewOptions) {
    super();
    this.addClass('jp-MlmNotebookDiff');
    this.addClass('nbdime-root');
    const { notebook, onlyChanges, scroller } = options;
    this.model = new NotebookDiffModel(
      notebook.base as unknown as INotebookContent,
      notebook.diff as unknown as IDiffEntry[]
    );
    this.observer = new IntersectionObserver(entries => this.onSight(entries), {
      root: scroller,
      rootMargin: `${AHEAD} 0px`
    });
    this.numbers = numbersOf(this.model.cells);
    const parts = partition(this.model.chunkedCells, isChanged);
    parts.forEach(part => this.addPart(part, !onlyChanges));
  }

  /** Fold the unchanged cells, or unfold them. */
  set onlyChanges(value: boolean) {
    this.folds.forEach(fold => (fold.isOpen = !value));
  }

  dispose(): void {
    this.observer.disconnect();
    this.waiting.clear();
    super.dispose();
  }

  private addPart(part: IPart<Chunk>, isOpen: boolean): void {
    const pieces = slices(part.chunks, AT_ONCE).map(chunks => this.piece(chunks));
    if (part.isChanged) {
      pieces.forEach(piece => this.add(piece));
      return;
    }
    const fold = new Fold(part.chunks.length, pieces, this.options.trans);
    this.folds.push(fold);
    this.addWidget(fold);
    pieces.forEach(piece => this.observer.observe(piece.node));
    fold.isOpen = isOpen;
  }

  private add(piece: Piece): void {
    this.addWidget(piece);
    this.observer.observe(piece.node);
  }

  /** The chunks as a notebook of their own: nbdime's widget draws all of a model at once. */
  private piece(chunks: Chunk[]): Piece {
    const part = Object.assign(Object.create(NotebookDiffModel.prototype) as NotebookDiffModel, {
      metadata: null,
      mimetype: this.model.mimetype,
      cells: chunks.flat(),
      chunkedCells: chunks
    });
    const piece = new Piece(part, this.numbers, this.options);
    this.pieces.set(piece.node, piece);
    return piece;
  }

  private onSight(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const piece = this.pieces.get(target);
      if (piece && isIntersecting) {
        this.waiting.add(piece);
      } else if (piece) {
        this.waiting.delete(piece);
      }
    }
    void this.drawWaiting();
  }

  /** One piece after the other, so that the page stays alive between; what was scrolled past is not drawn. */
  private async drawWaiting(): Promise<void> {
    if (this.isDrawing) {
      return;
    }
    this.isDrawing = true;
    for (;;) {
      const [piece] = this.waiting;
      if (!piece || this.isDisposed) {
        break;
      }
      this.waiting.delete(piece);
      this.observer.unobserve(piece.node);
      await piece.draw();
    }
    this.isDrawing = false;
  }

  private readonly model: NotebookDiffModel;
  private readonly numbers: ReadonlyMap<CellDiffModel, INumbers>;
  private readonly observer: IntersectionObserver;
  private readonly folds: Fold[] = [];
  private readonly pieces = new Map<Element, Piece>();
  private readonly waiting = new Set<Piece>();
  private isDrawing = false;
}

/** A few chunks of cells: room for them until they are drawn. */
class Piece extends Panel {
  constructor(
    private readonly model: NotebookDiffModel,
    private readonly numbers: ReadonlyMap<CellDiffModel, INumbers>,
    private readonly options: INotebookViewOptions
  ) {
    super();
    this.addClass('jp-MlmNotebookDiff-piece');
    const height = model.cells.reduce((sum, cell) => sum + heightOf(cell), 20);
    this.node.style.minHeight = `${height}px`;
  }

  /** Never rejects: what nbdime cannot draw must not keep it from the cells below. */
  async draw(): Promise<void> {
    const { trans } = this.options;
    try {
      await this.drawCells();
    } catch (error) {
      const message = document.createElement('p');
      const reason = (error as Error).message;
      message.textContent = trans.__('These cells could not be drawn: %1', reason);
      this.addWidget(new Widget({ node: message }));
    }
    if (!this.isDisposed) {
      for (const cell of cellsIn(this)) {
        addNames(cell.node, this.numbers.get(cell.model)!, trans);
      }
      this.node.style.minHeight = '';
      this.addClass('jp-mod-drawn');
    }
  }

  private async drawCells(): Promise<void> {
    const { rendermime, editorFactory, translator } = this.options;
    const widget = new NotebookDiffWidget({
      model: this.model,
      rendermime,
      editorFactory,
      translator
    });
    this.addWidget(widget);
    await widget.init();
  }
}

/** A run of unchanged cells behind a button. */
class Fold extends Panel {
  constructor(count: number, pieces: readonly Piece[], trans: TranslationBundle) {
    super();
    this.button.type = 'button';
    this.button.className = 'jp-MlmNotebookDiff-foldButton';
    this.button.textContent = trans._n('%1 unchanged cell', '%1 unchanged cells', count);
    this.button.addEventListener('click', () => (this.isOpen = !this.isOpen));
    this.addWidget(new Widget({ node: this.button }));
    pieces.forEach(piece => this.body.addWidget(piece));
    this.addWidget(this.body);
    this.isOpen = false;
  }

  get isOpen(): boolean {
    return !this.body.isHidden;
  }
  set isOpen(isOpen: boolean) {
    this.body.setHidden(!isOpen);
    this.button.setAttribute('aria-expanded', String(isOpen));
  }

  private readonly button = document.createElement('button');
  private readonly body = new Panel();
}

/** Outputs that are the same are the same object: comparing their text would take as long as drawing them. */
function isChanged(chunk: Chunk): boolean {
  return chunk.some(
    cell =>
      cell.added ||
      cell.deleted ||
      !cell.source.unchanged ||
      !cell.metadata.unchanged ||
      cell.outputs?.some(output => output.base !== output.remote)
  );
}

/** About how high a cell will be, so that scrolling does not jump when it is drawn. */
function heightOf(cell: CellDiffModel): number {
  const text = cell.source.remote ?? cell.source.base ?? '';
  return 60 + 17 * Math.min(text.split('\n').length, 20) + (cell.outputs?.length ? 150 : 0);
}

/** The numbers of cells, which come in order; one that was removed or added has its place on one side only. */
function numbersOf(cells: readonly CellDiffModel[]): Map<CellDiffModel, INumbers> {
  let base = 0;
  let other = 0;
  return new Map(
    cells.map(cell => [
      cell,
      { base: cell.added ? null : ++base, other: cell.deleted ? null : ++other }
    ])
  );
}

/** The cells that nbdime has drawn below a widget. */
function* cellsIn(widget: Widget): Generator<CellDiffWidget> {
  if (widget instanceof CellDiffWidget) {
    yield widget;
    return;
  }
  for (const child of widget.children()) {
    yield* cellsIn(child);
  }
}
