/**
 * The panel in the left side bar, its history, commands and menus.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { createToolbarFactory, setToolbar } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import { SidePanel } from '@jupyterlab/ui-components';
import { Poll } from '@lumino/polling';
import type { AccordionPanel } from '@lumino/widgets';

import { historyIcon } from '../../icons';
import { Timeline } from '../../model/timeline';
import { type IContext, PLUGIN_ID } from '../../tokens';
import { addHistoryCommands } from './commands';
import { HistoryWidget } from './widget';

/** What events did not tell, for the socket was down, is seen so much later. */
const SLOW_MS = 30_000;

/** How the sections share the height at first. */
const SHARES = [3, 2];

/** Add the panel with its history; returns it for other sections to be added. */
export function addHistory(context: IContext): SidePanel {
  const { app, services, front, palette, restorer } = context;
  const { client, projects, commands, trans } = services;
  NotebookActions.executed.connect((_, { notebook }) => void front.onExecuted(notebook.parent));
  const timeline = new Timeline(client, front, projects);
  const history = new HistoryWidget(timeline, commands, trans);
  const panel = makePanel(context);
  panel.addWidget(history);
  addHistoryCommands({
    commands,
    palette,
    timeline,
    trans,
    show: where => {
      app.shell.activateById(panel.id);
      history.focus(where);
    }
  });
  app.shell.add(panel, 'left', { rank: 300, type: 'MLM' });
  restorer?.add(panel, panel.id);
  void app.restored.then(() => (panel.content as AccordionPanel).setRelativeSizes(SHARES));
  keepFocus(app, history);
  new Poll({
    factory: () => timeline.refresh(),
    frequency: { interval: SLOW_MS, backoff: true, max: 10 * SLOW_MS },
    name: 'mlm-jupyter:history',
    standby: () => !history.isVisible || 'when-hidden'
  });
  return panel;
}

/** A menu of an entry gives the focus back to the list: else it is nowhere when the menu closes. */
function keepFocus(app: JupyterFrontEnd, history: HistoryWidget): void {
  app.contextMenu.menu.aboutToClose.connect(() => {
    if (app.contextMenuHitTest(node => node.classList.contains('jp-MlmHistory-entry'))) {
      history.focus('list');
    }
  });
}

function makePanel(context: IContext): SidePanel {
  const { services, settingRegistry, toolbarRegistry } = context;
  const { translator } = services;
  const label = services.trans.__('Notebook History');
  const panel = new SidePanel({ translator });
  panel.id = 'mlm-panel';
  panel.addClass('jp-MlmPanel');
  panel.title.icon = historyIcon;
  panel.title.caption = label;
  panel.node.setAttribute('role', 'region');
  panel.node.setAttribute('aria-label', label);
  panel.toolbar.node.setAttribute('aria-label', services.trans.__('Notebook History toolbar'));
  if (settingRegistry && toolbarRegistry) {
    setToolbar(
      panel,
      createToolbarFactory(toolbarRegistry, settingRegistry, 'MLM', PLUGIN_ID, translator)
    );
  }
  return panel;
}
