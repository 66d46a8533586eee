/**
 * The notebook as it was, to be read: a cell is drawn when it comes near what is on screen.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IServices } from '../../tokens';
import type { INotebook, INotebookCell } from './document';
import { Markdown, Outputs, PYTHON_CELL, Source } from './hosts';

interface INotebookProps {
  notebook: INotebook;
  /** The id of the cell whose execution made the checkpoint. */
  ran: string | null;
  services: IServices;
}

/** How far outside of what is on screen cells are drawn. */
const MARGIN = '800px 0px';
/** How many cells are drawn between two frames: an editor takes some milliseconds to make. */
const BATCH = 2;
const LINE = 17;
const MOST_GUESSED = 400;

export function NotebookPanel({ notebook, ran, services }: INotebookProps): React.JSX.Element {
  const { trans } = services;
  const list = React.useRef<HTMLOListElement>(null);
  const [drawn, setDrawn] = React.useState<ReadonlySet<number>>(new Set());
  React.useEffect(() => {
    setDrawn(new Set());
    return whenNear(list.current!, indices => setDrawn(before => new Set([...before, ...indices])));
  }, [notebook]);
  const position = notebook.cells.findIndex(cell => cell.id === ran);
  const goThere = (): void => {
    const cell = list.current?.children[position] as HTMLElement | undefined;
    cell?.scrollIntoView({ block: 'start' });
    cell?.focus({ preventScroll: true });
  };
  if (notebook.cells.length === 0) {
    return <p>{trans.__('The notebook had no cells at this moment.')}</p>;
  }
  return (
    <>
      <p className="jp-MlmCheckpoint-notice">
        {trans._n('%1 cell, to be read only.', '%1 cells, to be read only.', notebook.cells.length)}{' '}
        {position >= 0 && (
          <button type="button" className="jp-MlmCheckpoint-link" onClick={goThere}>
            {trans.__('Go to the cell that ran')}
          </button>
        )}
      </p>
      <ol ref={list} className="jp-MlmNotebook">
        {notebook.cells.map((cell, index) => (
          <li
            key={index}
            data-index={index}
            tabIndex={-1}
            className={`jp-MlmNotebook-cell jp-mod-${cell.kind}`}
            aria-current={index === position || undefined}
            style={drawn.has(index) ? undefined : { minHeight: guessHeight(cell) }}
          >
            {drawn.has(index) && (
              <CellView
                cell={cell}
                mimeType={notebook.language.mimetype ?? PYTHON_CELL}
                label={labelOf(cell, index, index === position, trans)}
                services={services}
              />
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

interface ICellViewProps {
  cell: INotebookCell;
  mimeType: string;
  label: string;
  services: IServices;
}

const CellView = React.memo(function CellView(props: ICellViewProps): React.JSX.Element {
  const { cell, services, label } = props;
  if (cell.kind === 'markdown') {
    return (
      <Markdown
        rendermime={services.rendermime}
        source={cell.source}
        attachments={cell.attachments}
      />
    );
  }
  const mimeType = cell.kind === 'code' ? props.mimeType : 'text/plain';
  return (
    <>
      <span className="jp-MlmNotebook-label">{label}</span>
      <Source services={services} source={cell.source} mimeType={mimeType} label={label} />
      {cell.outputs.length > 0 && (
        <Outputs
          rendermime={services.rendermime}
          outputs={cell.outputs}
          isTrusted={false}
          trans={services.trans}
        />
      )}
    </>
  );
});

function labelOf(
  cell: INotebookCell,
  index: number,
  isRan: boolean,
  trans: TranslationBundle
): string {
  if (cell.kind === 'raw') {
    return trans.__('Cell %1, raw', index + 1);
  }
  const count = cell.count === null ? '' : ` [${cell.count}]`;
  return isRan
    ? trans.__('Cell %1%2, which ran', index + 1, count)
    : trans.__('Cell %1%2', index + 1, count);
}

/** About as high as the cell will be, so that the scroll bar tells the truth. */
function guessHeight(cell: INotebookCell): number {
  const lines = cell.source.split('\n').length + 3 * cell.outputs.length;
  return Math.min(MOST_GUESSED, 40 + LINE * lines);
}

/** Tell of the items of a list that come near what is on screen, a few at a time; returns what ends it. */
function whenNear(list: HTMLElement, tell: (indices: number[]) => void): () => void {
  const waiting: Element[] = [];
  let frame = 0;
  const draw = (): void => {
    const next = waiting.splice(0, BATCH);
    tell(next.map(item => Number((item as HTMLElement).dataset.index)));
    frame = waiting.length ? requestAnimationFrame(draw) : 0;
  };
  const observer = new IntersectionObserver(
    entries => {
      const near = entries.filter(entry => entry.isIntersecting).map(entry => entry.target);
      near.forEach(item => observer.unobserve(item));
      waiting.push(...near);
      if (waiting.length && frame === 0) {
        draw();
      }
    },
    { root: list.closest('.jp-MlmTabs-panel'), rootMargin: MARGIN }
  );
  [...list.children].forEach(item => observer.observe(item));
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
  };
}
