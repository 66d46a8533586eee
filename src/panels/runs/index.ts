/**
 * Runs: their section in the side panel, a view of one, a view of several beside each other.
 */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { SidePanel } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import { Menu } from '@lumino/widgets';

import { MOST_COMPARED, RunsModel } from '../../model/runs';
import { CommandIDs, type IContext } from '../../tokens';
import { followFront } from './front';
import type { IRunActions } from './grid';
import { addOpening } from './opening';
import { RunsSection } from './widget';

/** What events did not tell, for the socket was down, is seen so much later. */
const SLOW_MS = 30_000;

/** Add the section of runs to the panel, and the commands that open runs. */
export function addRuns(context: IContext, panel: SidePanel): void {
  const { services } = context;
  const { commands, trans } = services;
  const model = new RunsModel(services.client, services.projects);
  followFront(context.front, model);
  addOpening(context, model);
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
