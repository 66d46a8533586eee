/**
 * The control in the notebook's toolbar: whether the notebook is tracked, and what can be done about it.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import {
  Button,
  caretDownEmptyIcon,
  circleEmptyIcon,
  circleIcon,
  type LabIcon,
  MenuSvg,
  pauseIcon
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { checkpointIcon } from '../icons';
import { CommandIDs, type IContext, type IServices, type KernelState } from '../tokens';
import type { IKnown, States } from './states';

const ACTIONS = [
  CommandIDs.track,
  CommandIDs.pause,
  CommandIDs.resume,
  CommandIDs.stop,
  CommandIDs.checkpoint,
  CommandIDs.undo
];

export function addToolbarControl(context: IContext, states: States): void {
  context.toolbarRegistry?.addFactory<NotebookPanel>(
    'Notebook',
    'mlmTracking',
    panel => new TrackingControl(panel, context.services, states)
  );
}

class TrackingControl extends ReactWidget {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly services: IServices,
    private readonly states: States
  ) {
    super();
    this.addClass('jp-MlmTracking');
    states.changed.connect(this.onChanged, this);
    this.onChanged(states, panel);
  }

  protected render(): React.ReactElement | null {
    const { trans } = this.services;
    const known = this.states.get(this.panel);
    const look = lookOf(known.state, trans);
    return (
      <>
        <Button
          minimal
          className="jp-MlmTracking-state"
          title={tooltipOf(known, trans)}
          aria-label={`${look.text}. ${tooltipOf(known, trans)}`}
          aria-haspopup="menu"
          onClick={this.openMenu}
        >
          <span className="jp-MlmTracking-icon" data-state={known.state}>
            <look.icon.react tag="span" />
          </span>
          <span>{look.text}</span>
          <caretDownEmptyIcon.react tag="span" />
        </Button>
        {this.states.isOn(this.panel) && (
          <Button
            minimal
            title={trans.__('Make a checkpoint now')}
            aria-label={trans.__('Make a checkpoint now')}
            onClick={() => void this.execute(CommandIDs.checkpoint)}
          >
            <checkpointIcon.react tag="span" />
          </Button>
        )}
      </>
    );
  }

  private readonly openMenu = (event: React.MouseEvent<HTMLButtonElement>): void => {
    const { commands } = this.services;
    const button = event.currentTarget;
    const menu = new MenuSvg({ commands });
    for (const command of ACTIONS) {
      if (commands.isEnabled(command, this.args)) {
        menu.addItem({ command, args: this.args });
      }
    }
    menu.addItem({ type: 'separator' });
    menu.addItem({ command: CommandIDs.showPanel });
    menu.aboutToClose.connect(() => button.focus());
    const { left, bottom } = button.getBoundingClientRect();
    menu.open(left, bottom);
  };

  private execute(command: string): Promise<unknown> {
    return this.services.commands.execute(command, this.args);
  }

  /** The control is of this notebook, whichever is in front. */
  private get args(): { notebook: string } {
    return { notebook: this.panel.context.path };
  }

  private onChanged(_: States, panel: NotebookPanel): void {
    if (panel === this.panel) {
      const { state } = this.states.get(panel);
      this.setHidden(state === 'other-language' || state === 'none');
      this.update();
    }
  }
}

function lookOf(state: KernelState, trans: TranslationBundle): { text: string; icon: LabIcon } {
  switch (state) {
    case 'tracking':
      return { text: trans.__('Tracked'), icon: circleIcon };
    case 'manual':
      return { text: trans.__('Tracked by hand'), icon: circleIcon };
    case 'paused':
      return { text: trans.__('Tracking paused'), icon: pauseIcon };
    case 'busy':
      return { text: trans.__('Kernel busy'), icon: circleEmptyIcon };
    default:
      return { text: trans.__('Not tracked'), icon: circleEmptyIcon };
  }
}

function tooltipOf({ state, status }: IKnown, trans: TranslationBundle): string {
  switch (state) {
    case 'tracking':
      return trans.__(
        'Every cell that is run leaves a checkpoint. The run is %1.',
        status?.run ?? '–'
      );
    case 'manual':
      return trans.__('Checkpoints are made only when you ask for one.');
    case 'paused':
      return trans.__('Cells leave no checkpoints until tracking is resumed.');
    case 'busy':
      return trans.__('The kernel is busy; whether it tracks is known when the cell has ended.');
    case 'dead':
      return trans.__('The kernel is dead. Restart it to go on.');
    case 'without-package':
      return trans.__(
        'The kernel does not have the package mlm_jupyter. Install it there to start tracking.'
      );
    default:
      return trans.__('Cells that are run leave no checkpoints.');
  }
}
