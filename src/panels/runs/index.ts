/**
 * Runs: their section in the side panel, a view of one, a view of several beside each other.
 */
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { runningIcon, type SidePanel, tableRowsIcon } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import { Menu, type Widget } from '@lumino/widgets';

import { MOST_COMPARED, RunsModel } from '../../model/runs';
import { CommandIDs, type IContext } from '../../tokens';
import { followFront } from './front';
import type { IRunActions } from './grid';
import { RunsSection } from './section';

/** What events did not tell, for the socket was down, is seen so much later. */
const SLOW_MS = 30_000;

/** Add the section of runs to the panel, and the commands that open runs. */
export function addRuns(context: IContext, panel: SidePanel): void {
  const { services } = context;
  const { commands, trans } = services;
  const model = new RunsModel(services.client, services.projects);
  followFront(context.front, model);
  addViews(context, model);
  const args = (run: string): ReadonlyPartialJSONObject => ({ project: model.project, run });
  const actions: IRunActions = {
    open: run => void commands.execute(CommandIDs.openRun, args(run)),
    remove: run => void commands.execute(CommandIDs.remove, args(run)),
    compare: () => {
      if (model.selected.length > 1) {
        void commands.execute(CommandIDs.compareRuns, {});
      }
    },
    openMenu: (run, x, y) => openMenu(context, model, run, x, y)
  };
  const section = new RunsSection({ model, actions, trans });
  panel.addWidget(section);
  commands.commandExecuted.connect((_, { id }) => {
    if (id === CommandIDs.refresh) {
      void model.refresh();
    }
  });
  new Poll({
    factory: () => (model.project === null ? context.front.look() : model.refresh()),
    frequency: { interval: SLOW_MS, backoff: true, max: 10 * SLOW_MS },
    name: 'mlm-jupyter:runs',
    standby: () => !section.isVisible || 'when-hidden'
  });
}

function openMenu(context: IContext, model: RunsModel, run: string, x: number, y: number): void {
  const { commands } = context.services;
  const menu = new Menu({ commands });
  const one = { project: model.project, run };
  menu.addItem({ command: CommandIDs.openRun, args: one });
  const runs = model.selected.includes(run) ? model.selected : [...model.selected, run];
  if (runs.length > 1 && runs.length <= MOST_COMPARED) {
    menu.addItem({
      command: CommandIDs.compareRuns,
      args: { project: model.project, runs: [...runs] }
    });
  }
  menu.addItem({ type: 'separator' });
  for (const [command, args] of [
    [CommandIDs.copy, { id: run }],
    [CommandIDs.remove, one]
  ] as const) {
    if (commands.hasCommand(command)) {
      menu.addItem({ command, args });
    }
  }
  menu.aboutToClose.connect(() => setTimeout(() => menu.dispose(), 0));
  menu.open(x, y);
}

/** What a view is opened with, kept in the layout and given to the command again after a reload. */
interface IOpened {
  project: string;
  runs: string[];
}

function addViews(context: IContext, model: RunsModel): void {
  const { app, palette, restorer, services } = context;
  const { commands, trans } = services;
  const opened = new WeakMap<Widget, IOpened>();
  const singles = new WidgetTracker<MainAreaWidget>({ namespace: 'mlm-run' });
  const several = new WidgetTracker<MainAreaWidget>({ namespace: 'mlm-compare-runs' });

  const show = async (
    tracker: WidgetTracker<MainAreaWidget>,
    asked: IOpened,
    make: () => Promise<MainAreaWidget>
  ): Promise<MainAreaWidget> => {
    const name = nameOf(asked);
    const there = tracker.find(widget => nameOf(opened.get(widget)!) === name);
    const widget = there ?? (await make());
    if (!there) {
      opened.set(widget, asked);
      await tracker.add(widget);
    }
    if (!widget.isAttached) {
      app.shell.add(widget, 'main');
    }
    app.shell.activateById(widget.id);
    return widget;
  };

  commands.addCommand(CommandIDs.openRun, {
    label: trans.__('Open Run'),
    caption: trans.__('Show the params, metrics, artifacts and checkpoints of a run'),
    icon: runningIcon,
    isEnabled: args => Boolean(args.run ?? model.active),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          project: { type: 'string', description: trans.__('The id of a project') },
          run: {
            type: 'string',
            description: trans.__('A run; the one the list is at, if left out')
          }
        }
      }
    },
    execute: async args => {
      const project = (args.project as string | undefined) ?? model.project;
      const run = (args.run as string | undefined) ?? model.active;
      if (project && run) {
        return show(singles, { project, runs: [run] }, async () => {
          const { openRunView } = await import('./view');
          return openRunView(services, project, run);
        });
      }
    }
  });
  commands.addCommand(CommandIDs.compareRuns, {
    label: trans.__('Compare Runs'),
    caption: trans.__('Show up to %1 runs beside each other, and what differs', MOST_COMPARED),
    icon: tableRowsIcon,
    isEnabled: args => ((args.runs as string[] | undefined) ?? model.selected).length > 1,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          project: { type: 'string', description: trans.__('The id of a project') },
          runs: {
            type: 'array',
            items: { type: 'string' },
            minItems: 2,
            maxItems: MOST_COMPARED,
            description: trans.__('Runs; those selected in the list, if left out')
          }
        }
      }
    },
    execute: async args => {
      const project = (args.project as string | undefined) ?? model.project;
      const runs = ((args.runs as string[] | undefined) ?? [...model.selected]).slice(
        0,
        MOST_COMPARED
      );
      if (project && runs.length) {
        return show(several, { project, runs }, async () => {
          const { openComparison } = await import('./comparison');
          return openComparison(services, project, runs);
        });
      }
    }
  });
  for (const command of [CommandIDs.openRun, CommandIDs.compareRuns]) {
    palette?.addItem({ command, category: trans.__('Notebook History') });
  }
  if (restorer) {
    void restorer.restore(singles, {
      command: CommandIDs.openRun,
      args: widget => {
        const { project, runs } = opened.get(widget)!;
        return { project, run: runs[0] };
      },
      name: widget => nameOf(opened.get(widget)!)
    });
    void restorer.restore(several, {
      command: CommandIDs.compareRuns,
      args: widget => ({ ...opened.get(widget)! }),
      name: widget => nameOf(opened.get(widget)!)
    });
  }
}

function nameOf({ project, runs }: IOpened): string {
  return [project, ...runs].join(':');
}
