/**
 * Tables of what differs by name, and texts with what became of each line.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Change } from '../../schema';
import type { Line } from './lines';
import type { INamed } from './same';
import { changeWord } from './words';

/** Rows drawn before more are asked for. */
const MOST_ROWS = 200;
const SIGNS = { added: '+', removed: '−', changed: '~' } as const;

/** What became of a name: a sign, with the word for who does not know it. */
export function Sign(props: {
  change: Change<unknown>['change'];
  trans: TranslationBundle;
}): React.JSX.Element {
  const word = changeWord(props.change, props.trans);
  return (
    <span className={`jp-MlmCompare-sign jp-mod-${props.change}`} title={word}>
      <span aria-hidden="true">{SIGNS[props.change]}</span>
      <span className="jp-MlmUnseen">{word}</span>
    </span>
  );
}

/** Names with their values on both sides, where there are any; `more` adds a column. */
export function ChangeTable<T>(props: {
  label: string;
  changes: readonly Change<T>[];
  text(value: T, name: string): string;
  nameOf?(name: string): string;
  more?: { heading: string; cell(change: Change<T>): React.ReactNode };
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { changes, text, more, trans } = props;
  const [shown, setShown] = React.useState(MOST_ROWS);
  if (!changes.length) {
    return null;
  }
  return (
    <>
      <div className="jp-MlmCompare-scroll" tabIndex={0} role="group" aria-label={props.label}>
        <table className="jp-MlmCompare-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Name')}</th>
              <th scope="col">{trans.__('Base')}</th>
              <th scope="col">{trans.__('Other')}</th>
              {more && <th scope="col">{more.heading}</th>}
            </tr>
          </thead>
          <tbody>
            {changes.slice(0, shown).map(change => (
              <tr key={change.name}>
                <th scope="row">
                  <Sign change={change.change} trans={trans} />
                  {props.nameOf?.(change.name) ?? change.name}
                </th>
                <td>{'before' in change ? text(change.before, change.name) : <Nothing />}</td>
                <td>{'after' in change ? text(change.after, change.name) : <Nothing />}</td>
                {more && <td>{more.cell(change)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ShowAll count={changes.length - shown} onClick={() => setShown(Infinity)} trans={trans} />
    </>
  );
}

/** What is the same, behind a line that counts it. */
export function SameFold<T>(props: {
  title: string;
  items: readonly INamed<T>[];
  text(value: T, name: string): string;
  nameOf?(name: string): string;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { items, text, nameOf, trans } = props;
  const [isOpen, setIsOpen] = React.useState(false);
  const [shown, setShown] = React.useState(MOST_ROWS);
  if (!items.length) {
    return null;
  }
  return (
    <details
      className="jp-MlmCompare-variable jp-MlmCompare-same"
      onToggle={event => setIsOpen(event.currentTarget.open)}
    >
      <summary>{props.title}</summary>
      {isOpen && (
        <dl className="jp-MlmCompare-facts">
          {items.slice(0, shown).map(({ name, value }) => (
            <React.Fragment key={name}>
              <dt>{nameOf?.(name) ?? name}</dt>
              <dd>{text(value, name)}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {isOpen && (
        <ShowAll count={items.length - shown} onClick={() => setShown(Infinity)} trans={trans} />
      )}
    </details>
  );
}

/** A button for what is left out of a list; nothing when nothing is. */
export function ShowAll(props: {
  count: number;
  onClick(): void;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  if (props.count <= 0) {
    return null;
  }
  return (
    <button className="jp-Button jp-mod-styled" onClick={props.onClick}>
      {props.trans._n('Show %1 more', 'Show %1 more', props.count)}
    </button>
  );
}

/** Where a side has nothing. */
export function Nothing(): React.JSX.Element {
  return <span className="jp-MlmCompare-nothing">—</span>;
}

/** A unified diff. */
export function Lines(props: {
  label: string;
  lines: readonly Line[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  const [shown, setShown] = React.useState(MOST_ROWS);
  const words = { same: '', added: trans.__('added: '), removed: trans.__('removed: ') };
  const signs = { same: ' ', added: '+', removed: '−' };
  return (
    <>
      <div className="jp-MlmCompare-lines" tabIndex={0} role="group" aria-label={props.label}>
        {props.lines.slice(0, shown).map((line, index) =>
          line.kind === 'gap' ? (
            <div key={index} className="jp-MlmCompare-gap">
              {line.count ? trans._n('%1 unchanged line', '%1 unchanged lines', line.count) : '⋯'}
            </div>
          ) : (
            <div key={index} className={`jp-MlmCompare-line jp-mod-${line.kind}`}>
              <span aria-hidden="true">{signs[line.kind]}</span>
              <span className="jp-MlmUnseen">{words[line.kind]}</span>
              {line.text || ' '}
            </div>
          )
        )}
      </div>
      <ShowAll
        count={props.lines.length - shown}
        onClick={() => setShown(Infinity)}
        trans={trans}
      />
    </>
  );
}
