/**
 * Comparing two moments: the commands, and a tab for each pair. What draws them is loaded when the first is compared.
 */
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { copyIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { compareIcon, swapIcon } from '../../icons';
import { tellerOf } from '../../telling';
import { CommandIDs, type IContext, NOW } from '../../tokens';
import { guard } from '../guard';
import { showView } from '../place';
import { describePair, type IPair, keyOf, pairOf, swapped } from './pair';
import type { CompareView } from './view';

type Tab = MainAreaWidget<CompareView>;

export function addCompare(context: IContext): void {
  const tracker = new WidgetTracker<Tab>({ namespace: 'mlm-compare' });
  addOpening(context, tracker);
  addActions(context, tracker);
  if (context.restorer) {
    void context.restorer.restore(tracker, {
      command: CommandIDs.compare,
      args: tab => ({ ...tab.content.pair }),
      name: tab => keyOf(tab.content.pair)
    });
  }
}

function addOpening(context: IContext, tracker: WidgetTracker<Tab>): void {
  const { app, front, notebooks, services } = context;
  const { commands, trans } = services;

  const open = async (pair: IPair): Promise<Tab> => {
    const { openTab } = await import('./tab');
    // Another call may have opened it while the code was loading.
    const there = tracker.find(tab => keyOf(tab.content.pair) === keyOf(pair));
    const tab = there ?? openTab({ pair, services, notebooks });
    if (!there) {
      await tracker.add(tab);
    }
    showView(app.shell, tab);
    return tab;
  };

  commands.addCommand(CommandIDs.compare, {
    label: trans.__('Compare Two Checkpoints'),
    caption: trans.__('Show what differs between two moments of a notebook'),
    icon: compareIcon,
    isEnabled: args => pairOf(args) !== null,
    describedBy: { args: describePair(trans) },
    execute: async args => {
      const pair = pairOf(args);
      const notebook = pair?.notebook ?? front.path ?? undefined;
      return (
        pair &&
        guard(trans, trans.__('The Comparison Was Not Opened'), () => open({ ...pair, notebook }))
      );
    }
  });
  commands.addCommand(CommandIDs.compareWithNow, {
    label: trans.__('Compare with Now'),
    caption: trans.__(
      'Show what differs between a checkpoint and the notebook in front with its kernel'
    ),
    icon: compareIcon,
    isEnabled: () => notebooks.currentWidget !== null,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          project: { type: 'string', description: trans.__('The id of the project') },
          checkpoint: {
            type: 'string',
            description: trans.__('The checkpoint; the newest of the notebook, if left out')
          }
        }
      }
    },
    execute: args =>
      guard(trans, trans.__('There Is Nothing to Compare'), async () => {
        const pair = await pairWithNow(context, args);
        return commands.execute(CommandIDs.compare, { ...pair });
      })
  });
  notebooks.currentChanged.connect(tellerOf(commands, [CommandIDs.compareWithNow]));
}

/** A checkpoint, or the newest one of the notebook in front, with that notebook. */
async function pairWithNow(
  { notebooks, services }: IContext,
  args: ReadonlyPartialJSONObject
): Promise<IPair> {
  const { client, projects, trans } = services;
  const panel = notebooks.currentWidget;
  if (!panel) {
    throw new Error(trans.__('Open the notebook first: it is the other side.'));
  }
  const notebook = panel.context.path;
  if (typeof args.project === 'string' && typeof args.checkpoint === 'string') {
    return { project: args.project, base: args.checkpoint, other: NOW, notebook };
  }
  const project = await projects.find(panel.context.localPath);
  const page =
    project &&
    (await client.checkpoints(project.id, { notebook: project.notebook ?? '', limit: 1 }));
  if (!page?.items.length) {
    throw new Error(
      trans.__('%1 has no checkpoint yet. Start tracking and run a cell: that makes one.', notebook)
    );
  }
  return { project: project!.id, base: page.items[0].id, other: NOW, notebook };
}

/** What can be done with the comparison in front. */
function addActions({ palette, services }: IContext, tracker: WidgetTracker<Tab>): void {
  const { commands, trans } = services;
  const front = (): CompareView | null => {
    const tab = tracker.currentWidget;
    return tab?.isVisible ? tab.content : null;
  };
  const describedBy = { args: { type: 'object', properties: {} } } as const;
  commands.addCommand(CommandIDs.swapCompared, {
    label: trans.__('Swap the Sides of the Comparison'),
    caption: trans.__('Compare the other way round; now is always the other side'),
    icon: swapIcon,
    isEnabled: () => front() !== null && swapped(front()!.pair) !== null,
    describedBy,
    execute: () => commands.execute(CommandIDs.compare, { ...swapped(front()!.pair) })
  });
  commands.addCommand(CommandIDs.copyComparison, {
    label: trans.__('Copy the Comparison as Markdown'),
    caption: trans.__('Copy everything that differs, for a review or a message'),
    icon: copyIcon,
    isEnabled: () => front()?.model.diff !== null && front() !== null,
    describedBy,
    execute: () => front()?.copy()
  });
  commands.addCommand(CommandIDs.showOnlyChanges, {
    label: trans.__('Show Only What Differs'),
    caption: trans.__('Fold the cells and leave out the variables that are the same'),
    isEnabled: () => front() !== null,
    isToggleable: true,
    isToggled: () => front()?.model.onlyChanges ?? false,
    describedBy,
    execute: () => {
      const view = front();
      if (view) {
        view.model.onlyChanges = !view.model.onlyChanges;
      }
    }
  });
  commands.addCommand(CommandIDs.compareAgain, {
    label: trans.__('Compare Again'),
    caption: trans.__('Ask the server and the kernel again'),
    icon: refreshIcon,
    isEnabled: () => front() !== null,
    describedBy,
    execute: () => front()?.model.load()
  });
  const category = trans.__('Notebook History');
  const ids = [
    CommandIDs.swapCompared,
    CommandIDs.copyComparison,
    CommandIDs.showOnlyChanges,
    CommandIDs.compareAgain
  ];
  [CommandIDs.compareWithNow, ...ids].forEach(command => palette?.addItem({ command, category }));
  tracker.currentChanged.connect(tellerOf(commands, ids));
}
