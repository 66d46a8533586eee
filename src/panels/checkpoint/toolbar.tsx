/**
 * The buttons above the view of a checkpoint: each runs a command, and is disabled where there is no such command.
 */
import {
  ReactWidget,
  type Toolbar,
  ToolbarButtonComponent,
  UseSignal
} from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';

import { CommandIDs, type IServices } from '../../tokens';
import type { CheckpointModel } from './model';

export function addButtons(toolbar: Toolbar, model: CheckpointModel, services: IServices): void {
  const { trans } = services;
  const one = (): ReadonlyPartialJSONObject => ({ project: model.project, checkpoint: model.id });
  const buttons: [string, string][] = [
    [CommandIDs.restore, trans.__('Restore…')],
    [CommandIDs.compareWithParent, trans.__('Compare with parent')],
    [CommandIDs.compareWithNow, trans.__('Compare with now')],
    [CommandIDs.compareWithSelected, trans.__('Compare with selected')],
    [CommandIDs.openNotebook, trans.__('Open as notebook')],
    [CommandIDs.name, trans.__('Name…')],
    [CommandIDs.note, trans.__('Note…')]
  ];
  for (const [command, label] of buttons) {
    toolbar.addItem(command, new CommandButton({ model, services, command, label, args: one }));
  }
  const copied = (): ReadonlyPartialJSONObject => ({ id: model.id });
  const label = trans.__('Copy id');
  toolbar.addItem(
    CommandIDs.copy,
    new CommandButton({ model, services, command: CommandIDs.copy, label, args: copied })
  );
  toolbar.addItem(
    CommandIDs.remove,
    new CommandButton({
      model,
      services,
      command: CommandIDs.remove,
      label: trans.__('Delete…'),
      args: one
    })
  );
}

interface IButtonOptions {
  model: CheckpointModel;
  services: IServices;
  command: string;
  label: string;
  args(): ReadonlyPartialJSONObject;
}

/** JupyterLab's own hides a button whose command is missing; here its place stays. */
class CommandButton extends ReactWidget {
  constructor(private readonly options: IButtonOptions) {
    super();
    this.addClass('jp-CommandToolbarButton');
  }

  protected render(): React.JSX.Element {
    const { command, services } = this.options;
    return (
      <UseSignal
        signal={services.commands.commandChanged}
        shouldUpdate={(_, { id }) => id === command || id === undefined}
      >
        {() => <UseSignal signal={this.options.model.changed}>{() => this.button()}</UseSignal>}
      </UseSignal>
    );
  }

  private button(): React.JSX.Element {
    const { services, model, command, label } = this.options;
    const { commands } = services;
    const args = this.options.args();
    const isThere = commands.hasCommand(command);
    const isEnabled =
      isThere && model.checkpoint !== null && !model.isGone && commands.isEnabled(command, args);
    return (
      <ToolbarButtonComponent
        label={label}
        tooltip={isThere ? commands.caption(command, args) || label : label}
        enabled={isEnabled}
        onClick={() => void commands.execute(command, args)}
      />
    );
  }
}
