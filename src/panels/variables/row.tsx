/**
 * One variable in a table: a line, and below it, when it is open, all that is known of it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Variable } from '../../schema';
import { PreviewView } from './preview';
import {
  type IVariableRow,
  lineOf,
  markText,
  shapeText,
  shortType,
  sizeText,
  statusText
} from './rows';

interface IVariableRowProps {
  row: IVariableRow;
  index: number;
  start: number;
  measure(element: Element | null): void;
  isOpen: boolean;
  /** Whether Tab goes to this row; the arrow keys go to the others. */
  isReachable: boolean;
  onToggle(): void;
  trans: TranslationBundle;
  renderSource?: (source: string) => React.ReactNode;
  renderMore?: (variable: Variable) => React.ReactNode;
}

export function VariableRow(props: IVariableRowProps): React.JSX.Element {
  const { row, index, isOpen, trans } = props;
  const { variable } = row;
  const { preview } = variable;
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  const isStored = variable.status === 'stored' || variable.status === 'reference';
  return (
    <div
      ref={props.measure}
      data-index={index}
      className="jp-MlmVariables-row"
      style={{ transform: `translateY(${props.start}px)` }}
      role="presentation"
    >
      <div
        role="row"
        className="jp-MlmVariables-cells"
        aria-rowindex={index + 2}
        onClick={event => isSelecting(event) || props.onToggle()}
      >
        <div role="cell" data-column="name">
          <button
            type="button"
            className="jp-MlmVariables-name"
            aria-expanded={isOpen}
            tabIndex={props.isReachable ? 0 : -1}
            title={variable.name}
          >
            <Caret.react tag="span" elementSize="normal" aria-hidden />
            <span>{variable.name}</span>
          </button>
          <ChangeMark row={row} trans={trans} />
        </div>
        <div role="cell" data-column="type" title={variable.type}>
          {shortType(variable.type)}
        </div>
        <div role="cell" data-column="shape">
          {shapeText(preview, trans)}
        </div>
        <div role="cell" data-column="size">
          {sizeText(variable)}
        </div>
        <div
          role="cell"
          data-column="status"
          className={isStored ? undefined : 'jp-mod-lost'}
          title={variable.reason ?? variable.lossy ?? undefined}
        >
          {statusText(variable.status, trans)}
        </div>
        <div role="cell" data-column="value">
          {lineOf(preview)}
        </div>
      </div>
      {isOpen && <Detail {...props} />}
    </div>
  );
}

/** Whether a click only ends the selection of a text, to be copied; keys make clicks without a count. */
function isSelecting({ detail }: React.MouseEvent): boolean {
  return detail > 0 && window.getSelection()?.isCollapsed === false;
}

/** A sign beside its word, which narrow tables leave to the title. */
function ChangeMark(props: {
  row: IVariableRow;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { row, trans } = props;
  if (row.mark === null) {
    return null;
  }
  const text = markText(row, trans);
  return (
    <span className={`jp-MlmVariables-mark jp-mod-${row.mark}`} title={text}>
      <span aria-hidden>{row.mark === 'added' ? '+' : '~'}</span>
      <span className="jp-MlmUnseen">{text}</span>
    </span>
  );
}

function Detail({ row, trans, renderSource, renderMore }: IVariableRowProps): React.JSX.Element {
  const { variable } = row;
  const facts: [string, string][] = [
    [trans.__('Type'), variable.type],
    [trans.__('Shape'), shapeText(variable.preview, trans)],
    [trans.__('Of'), variable.preview.dtype ?? ''],
    [trans.__('Size'), sizeText(variable)],
    [trans.__('Status'), statusText(variable.status, trans)],
    [trans.__('Because'), variable.reason ?? ''],
    [trans.__('Comes back'), variable.lossy ?? ''],
    [trans.__('In this checkpoint'), markText(row, trans)]
  ];
  return (
    <div role="row" className="jp-MlmVariables-detail">
      <div role="cell" aria-colspan={6}>
        <dl className="jp-MlmVariables-facts">
          {facts
            .filter(([, value]) => value)
            .map(([title, value]) => (
              <div key={title}>
                <dt>{title}</dt>
                <dd>{value}</dd>
              </div>
            ))}
        </dl>
        <PreviewView preview={variable.preview} trans={trans} renderSource={renderSource} />
        {renderMore?.(variable)}
      </div>
    </div>
  );
}
