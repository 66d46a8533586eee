/**
 * The view of a checkpoint, and the commands that open and change one.
 */
import { type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import {
  deleteIcon,
  editIcon,
  historyIcon,
  type LabIcon,
  notebookIcon
} from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { Checkpoint } from '../../schema';
import { tellerOf } from '../../telling';
import { CommandIDs, type IContext } from '../../tokens';
import { guard } from '../guard';
import { showView } from '../place';
import type { CheckpointView } from './view';

type Args = ReadonlyPartialJSONObject;
type Tracker = WidgetTracker<MainAreaWidget<CheckpointView>>;

interface IRef {
  project: string;
  checkpoint: string;
}

/** Add the commands that open, name, annotate and delete a checkpoint; tabs come back with the layout. */
export function addCheckpoint(context: IContext): void {
  const { app, palette, restorer, services } = context;
  const { commands, trans } = services;
  const tracker: Tracker = new WidgetTracker({ namespace: 'mlm-checkpoint' });
  addOpening(context, tracker);
  addEditing(context, tracker);
  if (restorer) {
    void restorer.restore(tracker, {
      command: CommandIDs.openCheckpoint,
      args: ({ content: { model } }) => ({
        project: model.project,
        checkpoint: model.id,
        ...(model.home === null ? {} : { notebook: model.home })
      }),
      name: ({ content: { model } }) => `${model.project}:${model.id}`
    });
  }
  const category = trans.__('Notebook History');
  const ids = [CommandIDs.openNotebook, CommandIDs.name, CommandIDs.note, CommandIDs.remove];
  ids.forEach(command => palette?.addItem({ command, category }));
  const tell = tellerOf(commands, ids);
  tracker.currentChanged.connect(tell);
  app.shell.currentChanged?.connect(tell);
}

function addOpening(context: IContext, tracker: Tracker): void {
  const { app, front, services } = context;
  const { commands, trans } = services;
  commands.addCommand(CommandIDs.openCheckpoint, {
    label: trans.__('Open Checkpoint'),
    caption: trans.__('Show the cell, its outputs, the notebook and the variables at this moment'),
    icon: historyIcon,
    isEnabled: args => refOf(args) !== null,
    describedBy: {
      args: describe(context, {
        notebook: {
          type: 'string',
          description: trans.__('A notebook of the project, by which a server can find it')
        }
      })
    },
    execute: args =>
      guard(trans, trans.__('The Checkpoint Was Not Opened'), async () => {
        const asked = refOf(args);
        if (!asked) {
          return;
        }
        const home = typeof args.notebook === 'string' ? args.notebook : front.path;
        const widget = find(tracker, asked) ?? (await open(context, tracker, asked, home));
        showView(app.shell, widget);
        return widget;
      })
  });
  add(context, tracker, CommandIDs.openNotebook, {
    label: trans.__('Open Checkpoint as a New Notebook'),
    caption: trans.__('Write the notebook as it was to a new file beside the old one, and open it'),
    icon: notebookIcon,
    failure: trans.__('The Notebook Was Not Opened'),
    work: async (project, checkpoint) => {
      const { writeNotebook } = await import('./reopen');
      const { contents } = app.serviceManager;
      const path = await writeNotebook(services.client, contents, project, checkpoint);
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    }
  });
}

function addEditing(context: IContext, tracker: Tracker): void {
  const { services } = context;
  const { client, commands, trans } = services;
  add(context, tracker, CommandIDs.name, {
    label: trans.__('Name Checkpoint…'),
    caption: trans.__('Give the checkpoint a name that stands for it, or take it away'),
    icon: editIcon,
    failure: trans.__('The Checkpoint Was Not Named'),
    work: async (project, checkpoint) =>
      (await import('./editing')).editName(services, project, checkpoint)
  });
  add(context, tracker, CommandIDs.note, {
    label: trans.__('Write a Note to Checkpoint…'),
    caption: trans.__('Write down what is worth knowing of the checkpoint'),
    icon: editIcon,
    failure: trans.__('The Note Was Not Written'),
    work: async (project, checkpoint) =>
      (await import('./editing')).editNote(services, project, checkpoint)
  });
  commands.addCommand(CommandIDs.remove, {
    label: args => (args.run ? trans.__('Delete Run…') : trans.__('Delete Checkpoint…')),
    caption: args =>
      args.run
        ? trans.__('Delete the run with all that was logged in it; its checkpoints stay')
        : trans.__('Take the checkpoint out of the history; the others stay'),
    icon: deleteIcon,
    isEnabled: args => isRun(args) || refOf(args, context, tracker) !== null,
    describedBy: {
      args: describe(context, {
        run: { type: 'string', description: trans.__('A run, in the place of a checkpoint') }
      })
    },
    execute: args =>
      guard(trans, trans.__('It Was Not Deleted'), async () => {
        const editing = await import('./editing');
        if (isRun(args)) {
          const { run } = await client.run(args.project, args.run);
          await editing.removeRun(services, args.project, run);
          return;
        }
        const asked = refOf(args, context, tracker);
        const found = asked && (await fetchCheckpoint(context, asked));
        if (asked && found && (await editing.removeCheckpoint(services, asked.project, found))) {
          find(tracker, { project: asked.project, checkpoint: found.id })?.dispose();
        }
      })
  });
}

interface IWork {
  label: string;
  caption: string;
  icon: LabIcon;
  /** The title of the message when it does not succeed. */
  failure: string;
  work(project: string, checkpoint: Checkpoint): Promise<void>;
}

/** Add a command that does something with the checkpoint it is given, or the one in front. */
function add(context: IContext, tracker: Tracker, id: string, work: IWork): void {
  const { label, caption, icon } = work;
  context.services.commands.addCommand(id, {
    label,
    caption,
    icon,
    isEnabled: args => refOf(args, context, tracker) !== null,
    describedBy: { args: describe(context) },
    execute: args =>
      guard(context.services.trans, work.failure, async () => {
        const asked = refOf(args, context, tracker);
        if (asked) {
          await work.work(asked.project, await fetchCheckpoint(context, asked));
        }
      })
  });
}

/** The checkpoint that is meant by the arguments; without any, that of the view in front, if one may be meant. */
function refOf(args: Args, context?: IContext, tracker?: Tracker): IRef | null {
  const { project, checkpoint } = args;
  if (typeof project === 'string' && typeof checkpoint === 'string') {
    return { project, checkpoint };
  }
  const front = tracker?.currentWidget;
  if (!front || front !== context?.app.shell.currentWidget || front.content.model.isGone) {
    return null;
  }
  const { model } = front.content;
  return { project: model.project, checkpoint: model.id };
}

function isRun(args: Args): args is { project: string; run: string } {
  return typeof args.project === 'string' && typeof args.run === 'string';
}

/** What is known of it: a name and a note are asked for anew, since others may have changed them. */
async function fetchCheckpoint(context: IContext, asked: IRef): Promise<Checkpoint> {
  const { checkpoint } = await context.services.client.checkpoint(asked.project, asked.checkpoint);
  return checkpoint;
}

function find(tracker: Tracker, { project, checkpoint }: IRef): ReturnType<Tracker['find']> {
  return tracker.find(
    ({ content: { model } }) =>
      model.project === project &&
      [model.id, model.ref, model.checkpoint?.name].includes(checkpoint)
  );
}

async function open(
  context: IContext,
  tracker: Tracker,
  asked: IRef,
  home: string | null
): Promise<MainAreaWidget<CheckpointView>> {
  const [{ makeView }, { CheckpointModel }] = await Promise.all([
    import('./view'),
    import('./model')
  ]);
  // Whoever asked twice while the code was loading gets one tab.
  const there = find(tracker, asked);
  if (there) {
    return there;
  }
  const model = new CheckpointModel(context.services, asked.project, asked.checkpoint, home);
  const widget = makeView(model, context.services);
  widget.id = `mlm-checkpoint-${asked.project}-${asked.checkpoint}`;
  model.changed.connect(() => settle(context, tracker, widget));
  await tracker.add(widget);
  return widget;
}

/** What was asked for by another reference may be open already; else the layout keeps the id that it turned out to mean. */
function settle({ app }: IContext, tracker: Tracker, widget: MainAreaWidget<CheckpointView>): void {
  const { model } = widget.content;
  const twin = tracker.find(
    other =>
      other !== widget &&
      other.content.model.project === model.project &&
      other.content.model.id === model.id
  );
  if (twin) {
    widget.dispose();
    app.shell.activateById(twin.id);
  } else {
    void tracker.save(widget);
  }
}

function describe(
  { services: { trans } }: IContext,
  more: { [name: string]: { type: string; description: string } } = {}
): ReadonlyJSONObject {
  return {
    type: 'object',
    properties: {
      project: { type: 'string', description: trans.__('The id of a project') },
      checkpoint: {
        type: 'string',
        description: trans.__('The id of a checkpoint, or another reference to it')
      },
      ...more
    }
  };
}
