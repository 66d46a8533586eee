/**
 * What is known of a value that is not here: the head of a table, the source of a function, or a short text.
 *
 * Previews come from a store that anyone may have written: they are text, and no more of them is drawn than can be read.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Column, Preview } from '../../schema';
import '../../../src/style/variables.css';

export interface IPreviewViewProps {
  preview: Preview;
  trans: TranslationBundle;
  /** Draw the source of a function or class; as plain text without it. */
  renderSource?: (source: string) => React.ReactNode;
}

const MOST_CHARACTERS = 20_000;
const MOST_ROWS = 50;
const MOST_COLUMNS = 100;

export function PreviewView({
  preview,
  trans,
  renderSource
}: IPreviewViewProps): React.JSX.Element {
  const { columns, rows, source, is_truncated } = preview;
  const text = clip(preview.text);
  const isTable = Boolean(columns?.length);
  return (
    <div className="jp-MlmPreview">
      {source ? (
        <>
          {renderSource?.(clip(source)) ?? <pre className="jp-MlmPreview-text">{clip(source)}</pre>}
        </>
      ) : (
        <pre className="jp-MlmPreview-text">{text}</pre>
      )}
      {isTable && <Head columns={columns ?? []} rows={rows ?? []} trans={trans} />}
      {(is_truncated || text.length < preview.text.length) && (
        <p className="jp-MlmPreview-note">
          {trans.__('This is the beginning only. Restore the checkpoint to have the whole value.')}
        </p>
      )}
    </div>
  );
}

interface IHeadProps {
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
  trans: TranslationBundle;
}

/** The first rows of a table; a row begins with its label, and has cells for the first columns only. */
function Head({ columns, rows, trans }: IHeadProps): React.JSX.Element {
  const width = rows.length ? Math.min(rows[0].length - 1, MOST_COLUMNS) : 0;
  const shown = columns.slice(0, width || MOST_COLUMNS);
  const others = columns.slice(shown.length, MOST_COLUMNS);
  return (
    <>
      <div
        className="jp-MlmPreview-scroller"
        role="region"
        tabIndex={0}
        aria-label={trans.__('The first rows')}
      >
        <table className="jp-MlmPreview-table">
          <thead>
            <tr>
              <td />
              {shown.map((column, index) => (
                <th key={index} scope="col">
                  {clip(column.name)} <span className="jp-MlmPreview-dtype">{column.dtype}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST_ROWS).map((row, index) => (
              <tr key={index}>
                <th scope="row">{row[0]}</th>
                {row.slice(1, width + 1).map((cell, column) => (
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {others.length > 0 && (
        <p className="jp-MlmPreview-note">
          {trans.__(
            'More columns: %1',
            others.map(column => `${column.name} (${column.dtype})`).join(', ')
          )}
        </p>
      )}
    </>
  );
}

function clip(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
