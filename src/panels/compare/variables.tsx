/**
 * The variables that differ: what became of each, how its value changed, and how that is known.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Change, ValueDiff, Variable } from '../../schema';
import type { Basis } from './basis';
import type { CompareModel } from './model';
import { PreviewView } from '../variables/preview';
import { SameFold, ShowAll, Sign } from './table';
import { Previews, ValueView } from './values';
import { headlineOf, inOrder, oneLine, typeText } from './words';

/** So few changed ones are all open when they are first seen. */
const FEW = 6;
const MOST = 100;

interface IProps {
  model: CompareModel;
  trans: TranslationBundle;
}

/** Whether all were to be open, or closed, and how often that was said: what was opened by hand since follows each time. */
interface ISaid {
  isOpen: boolean | null;
  times: number;
}

export function Variables({ model, trans }: IProps): React.JSX.Element {
  const [shown, setShown] = React.useState(MOST);
  const [said, setSaid] = React.useState<ISaid>({ isOpen: null, times: 0 });
  const say = (isOpen: boolean): void => setSaid({ isOpen, times: said.times + 1 });
  const changes = inOrder(model.diff?.variables ?? []);
  const same = model.same?.variables ?? [];
  const isFew = changes.filter(change => change.change === 'changed').length <= FEW;
  const isOpen = (change: Change<Variable>): boolean =>
    said.isOpen ?? (isFew && change.change === 'changed');
  return (
    <>
      <BasisLine model={model} trans={trans} />
      {changes.length > 1 && (
        <p className="jp-MlmCompare-fold">
          <button className="jp-MlmCompare-link" onClick={() => say(true)}>
            {trans.__('Open all')}
          </button>{' '}
          <button className="jp-MlmCompare-link" onClick={() => say(false)}>
            {trans.__('Close all')}
          </button>
        </p>
      )}
      {changes.slice(0, shown).map(change => (
        <VariableChange
          key={`${change.name}-${said.times}`}
          change={change}
          value={model.values[change.name]}
          isOpen={isOpen(change)}
          trans={trans}
        />
      ))}
      <ShowAll count={changes.length - shown} onClick={() => setShown(Infinity)} trans={trans} />
      <SameFold
        title={trans._n('%1 variable is the same', '%1 variables are the same', same.length)}
        items={same}
        text={variable => oneLine(variable.preview.text)}
        trans={trans}
      />
    </>
  );
}

/** How the variables were compared, and what can be done where it was not by value. */
function BasisLine({ model, trans }: IProps): React.JSX.Element | null {
  const { basis } = model;
  const text = basisText(basis, trans);
  if (text === null) {
    return null;
  }
  const label = askLabel(basis, trans);
  return (
    <p className="jp-MlmCompare-basis" role="status">
      {text}{' '}
      {label && (
        <button className="jp-Button jp-mod-styled" onClick={() => void model.compareByValue()}>
          {label}
        </button>
      )}
    </p>
  );
}

function basisText(basis: Basis, trans: TranslationBundle): string | null {
  switch (basis.by) {
    case 'nothing':
      return null;
    case 'asking':
      return trans.__('The kernel of %1 is comparing the values…', basis.notebook);
    case 'value':
      return trans.__('Compared by value, in the kernel of %1.', basis.notebook);
    case 'preview':
      return basis.message;
  }
}

function askLabel(basis: Basis, trans: TranslationBundle): string | null {
  if (basis.by !== 'preview') {
    return null;
  }
  switch (basis.why) {
    case 'no-kernel':
      return trans.__('Look again');
    case 'busy':
      return trans.__('Compare by value when it is free');
    case 'large':
      return trans.__('Compare by value all the same');
    case 'failed':
      return trans.__('Try again');
  }
}

function VariableChange(props: {
  change: Change<Variable>;
  value: ValueDiff | undefined;
  isOpen: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { change, value, trans } = props;
  const [isOpen, setIsOpen] = React.useState(props.isOpen);
  return (
    <details
      className="jp-MlmCompare-variable"
      open={isOpen}
      onToggle={event => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <Sign change={change.change} trans={trans} />
        <h3>{change.name}</h3>
        <span className="jp-MlmCompare-type">{typeText(change)}</span>
        <span className="jp-MlmCompare-headline">{headlineOf(change, value, trans)}</span>
      </summary>
      {isOpen && <Body {...props} />}
    </details>
  );
}

function Body({
  change,
  value,
  trans
}: {
  change: Change<Variable>;
  value: ValueDiff | undefined;
  trans: TranslationBundle;
}): React.JSX.Element {
  if (change.change === 'changed') {
    const { before, after } = change;
    return value ? (
      <ValueView diff={value} name={change.name} trans={trans} />
    ) : (
      <>
        <Missing variable={before} trans={trans} />
        <Missing variable={after} trans={trans} />
        <Previews before={before.preview} after={after.preview} trans={trans} />
      </>
    );
  }
  const variable = change.change === 'added' ? change.after : change.before;
  return (
    <>
      <Missing variable={variable} trans={trans} />
      <PreviewView preview={variable.preview} trans={trans} />
    </>
  );
}

/** Why the value of a variable is not there. */
function Missing(props: {
  variable: Variable;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { reason } = props.variable;
  return reason ? <p className="jp-MlmCompare-note">{reason}</p> : null;
}
