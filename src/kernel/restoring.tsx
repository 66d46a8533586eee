/**
 * The question before a restore: what will change, and what else the user wants.
 */
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RestoreReport } from '../schema';
import { ReportView } from './report';

interface IQuestion {
  /** The checkpoint: its name or number. */
  label: string;
  /** What happens to the variables. */
  forecast: RestoreReport;
  /** What else is to be known, sentence by sentence. */
  remarks: string[];
  /** How many places of the notebook's cells differ; null: the checkpoint holds no notebook. */
  differing: number | null;
  hasUnsavedEdits: boolean;
}

export interface IChoice {
  /** Put the cells back too. */
  notebook: boolean;
  /** Keep the present state as a checkpoint. */
  save: boolean;
}

/** Ask; null: the user does not want to. */
export async function askToRestore(
  question: IQuestion,
  trans: TranslationBundle
): Promise<IChoice | null> {
  const body = new Question(question, trans);
  const { button } = await showDialog({
    title: trans.__('Restore checkpoint %1?', question.label),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Restore') })],
    defaultButton: 1
  });
  return button.accept ? body.choice : null;
}

class Question extends ReactWidget {
  constructor(
    private readonly question: IQuestion,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-MlmDialog');
  }

  choice: IChoice = { notebook: false, save: true };

  protected render(): React.ReactElement {
    const { forecast, remarks, differing, hasUnsavedEdits } = this.question;
    const trans = this.trans;
    return (
      <>
        {remarks.map(remark => (
          <p key={remark} className="jp-MlmDialog-remark">
            {remark}
          </p>
        ))}
        <ReportView report={forecast} trans={trans} />
        <Option
          label={trans.__('Put the notebook’s cells and outputs back too')}
          explanation={explainCells(differing, hasUnsavedEdits, trans)}
          isDisabled={!differing}
          isOn={this.choice.notebook}
          onChange={notebook => (this.choice = { ...this.choice, notebook })}
        />
        <Option
          label={trans.__('Save the present state first')}
          explanation={trans.__('It becomes a checkpoint that you can come back to.')}
          isOn={this.choice.save}
          onChange={save => (this.choice = { ...this.choice, save })}
        />
      </>
    );
  }
}

function explainCells(
  differing: number | null,
  hasUnsavedEdits: boolean,
  trans: TranslationBundle
): string {
  if (differing === null) {
    return trans.__('This checkpoint holds no notebook.');
  }
  if (differing === 0) {
    return trans.__('They are as they were already.');
  }
  const many = trans._n(
    'The notebook differs in %1 place.',
    'The notebook differs in %1 places.',
    differing
  );
  const undo = hasUnsavedEdits
    ? trans.__(
        'Unsaved edits there are replaced as well. Undo Cell Operation in the Edit menu brings all back at once.'
      )
    : trans.__('Undo Cell Operation in the Edit menu brings the present cells back.');
  return `${many} ${undo}`;
}

function Option(props: {
  label: string;
  explanation: string;
  isOn: boolean;
  isDisabled?: boolean;
  onChange: (isOn: boolean) => void;
}): React.ReactElement {
  return (
    <label className="jp-MlmDialog-option">
      <input
        type="checkbox"
        defaultChecked={props.isOn}
        disabled={props.isDisabled}
        onChange={event => props.onChange(event.target.checked)}
      />
      <span>
        {props.label}
        <small>{props.explanation}</small>
      </span>
    </label>
  );
}
