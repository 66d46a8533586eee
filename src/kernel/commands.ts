/**
 * The commands that act on the kernel of the notebook in front.
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import {
  addIcon,
  type LabIcon,
  pauseIcon,
  runIcon,
  stopIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { formatCheckpoint } from '../format';
import { restoreIcon } from '../icons';
import type { Checkpoint, RestoreReport } from '../schema';
import { tellerOf } from '../telling';
import { CommandIDs, type IContext, type IServices } from '../tokens';
import { askVisibly, showFailure } from './asking';
import { findLastState } from './latest';
import type { States } from './states';

/** One command on a notebook's kernel. */
interface IAction {
  id: string;
  label: string | ((args: ReadonlyPartialJSONObject) => string);
  caption: string;
  icon: LabIcon;
  isEnabled: (panel: NotebookPanel) => boolean;
  execute: (panel: NotebookPanel, args: ReadonlyPartialJSONObject) => Promise<unknown>;
  args?: { [name: string]: { type: string; description: string } };
}

export function addCommands(context: IContext, states: States): void {
  const { services, notebooks, palette } = context;
  const { commands, trans } = services;
  const category = trans.__('Notebook History');
  const find = (args: ReadonlyPartialJSONObject): NotebookPanel | null =>
    args.notebook
      ? (notebooks.find(panel => panel.context.path === args.notebook) ?? null)
      : notebooks.currentWidget;
  const actions = [...trackingActions(context, states), ...goingBack(context, states)];
  for (const action of actions) {
    commands.addCommand(action.id, {
      label: action.label,
      caption: action.caption,
      icon: action.icon,
      isEnabled: args => {
        const panel = find(args);
        return panel !== null && action.isEnabled(panel);
      },
      execute: async args => {
        const panel = find(args);
        if (!panel) {
          Notification.info(trans.__('Open the notebook this is about, then try again.'));
          return;
        }
        try {
          await action.execute(panel, args);
        } catch (error) {
          showFailure(services, error);
        }
      },
      describedBy: {
        args: {
          type: 'object',
          properties: {
            notebook: {
              type: 'string',
              description: trans.__('The path of an open notebook; the one in front without it')
            },
            ...action.args
          }
        }
      }
    });
    palette?.addItem({ command: action.id, category });
  }
  const tell = tellerOf(
    commands,
    actions.map(({ id }) => id)
  );
  states.changed.connect(tell);
  notebooks.currentChanged.connect(tell);
}

function trackingActions({ services }: IContext, states: States): IAction[] {
  const { trans } = services;
  const verb = (name: string) => (panel: NotebookPanel) => askVisibly(services, panel, name);
  const is =
    (...some: string[]) =>
    (panel: NotebookPanel) =>
      some.includes(states.get(panel).state);
  return [
    {
      id: CommandIDs.track,
      label: trans.__('Start Tracking'),
      caption: trans.__('Make a checkpoint of every cell that is run in this notebook'),
      icon: runIcon,
      isEnabled: is('off', 'without-package', 'busy'),
      execute: verb('track')
    },
    {
      id: CommandIDs.pause,
      label: trans.__('Pause Tracking'),
      caption: trans.__('Make no checkpoints until tracking is resumed'),
      icon: pauseIcon,
      isEnabled: is('tracking', 'manual'),
      execute: verb('pause')
    },
    {
      id: CommandIDs.resume,
      label: trans.__('Resume Tracking'),
      caption: trans.__('Go on making checkpoints'),
      icon: runIcon,
      isEnabled: is('paused'),
      execute: verb('resume')
    },
    {
      id: CommandIDs.stop,
      label: trans.__('Stop Tracking'),
      caption: trans.__('End the run and make no more checkpoints of this notebook'),
      icon: stopIcon,
      isEnabled: panel => states.isOn(panel),
      execute: verb('stop')
    },
    {
      id: CommandIDs.checkpoint,
      label: trans.__('Make a Checkpoint Now'),
      caption: trans.__('Keep the state of the kernel and the notebook as it is now'),
      icon: addIcon,
      isEnabled: panel => states.isOn(panel),
      execute: async panel => {
        const made = await askVisibly<Checkpoint>(services, panel, 'checkpoint');
        if (made) {
          Notification.success(trans.__('Checkpoint %1 is made.', formatCheckpoint(made)), {
            autoClose: 4000
          });
        }
      }
    }
  ];
}

function goingBack({ services }: IContext, states: States): IAction[] {
  const { trans } = services;
  return [
    {
      id: CommandIDs.undo,
      label: trans.__('Go Back One Checkpoint'),
      caption: trans.__('Put the kernel back to the checkpoint before the present one'),
      icon: undoIcon,
      isEnabled: panel => states.isOn(panel),
      execute: async panel => {
        const report = await askVisibly<RestoreReport>(services, panel, 'undo');
        if (report) {
          const { tellReport } = await import('./report');
          tellReport(report, await findLabel(services, panel, report), trans);
        }
      }
    },
    {
      id: CommandIDs.restore,
      label: args => (args.checkpoint ? trans.__('Restore…') : trans.__('Restore the Last State…')),
      caption: trans.__('Put the kernel, and the cells if wanted, back to a checkpoint'),
      icon: restoreIcon,
      isEnabled: panel => states.get(panel).state !== 'other-language',
      execute: async (panel, { project, checkpoint }) => {
        const { restore } = await import('./restore');
        if (typeof project === 'string' && typeof checkpoint === 'string') {
          return restore(services, panel, project, checkpoint);
        }
        const latest = await findLastState(services, panel).catch(error =>
          showFailure(services, error)
        );
        if (latest) {
          return restore(services, panel, latest.project, latest.checkpoint.id);
        }
        Notification.info(trans.__('This notebook has no checkpoint yet to be restored.'));
      },
      args: {
        project: { type: 'string', description: trans.__('The id of a project') },
        checkpoint: {
          type: 'string',
          description: trans.__('A checkpoint’s id; the notebook’s latest without it')
        }
      }
    }
  ];
}

/** The label of the checkpoint that a report is about. */
async function findLabel(
  { client, projects }: IServices,
  panel: NotebookPanel,
  report: RestoreReport
): Promise<string> {
  try {
    const project = await projects.find(panel.context.localPath);
    const { checkpoint } = await client.checkpoint(project?.id ?? '', report.checkpoint_id);
    return formatCheckpoint(checkpoint);
  } catch {
    return report.checkpoint_id;
  }
}
