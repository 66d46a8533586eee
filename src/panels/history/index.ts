import { SidePanel } from '@jupyterlab/ui-components';

import type { IContext } from '../../tokens';

/** Add the panel with its history; returns it for other sections to be added. */
export function addHistory(context: IContext): SidePanel {
  const panel = new SidePanel({ translator: context.translator });
  panel.id = 'mlm-panel';
  context.app.shell.add(panel, 'left', { rank: 300, type: 'MLM' });
  return panel;
}
