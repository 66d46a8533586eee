/**
 * Where a view opens.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { SplitPanel, type Widget } from '@lumino/widgets';

/** How high the area below the notebook is made for a view, of 1. */
const BELOW = 0.6;

/** Show a widget in the main area; where that takes only one, as in Notebook 7, below it. */
export function showView(shell: JupyterFrontEnd.IShell, widget: Widget): void {
  if (!widget.isAttached) {
    shell.add(widget, 'main', { type: 'MLM' });
  }
  if (!widget.isAttached) {
    shell.add(widget, 'down', { type: 'MLM' });
    openUp(widget);
  }
  shell.activateById(widget.id);
}

/** The area below starts as high as its tabs. */
function openUp(widget: Widget): void {
  let area: Widget | null = widget;
  while (area?.parent && !(area.parent instanceof SplitPanel)) {
    area = area.parent;
  }
  const panel = area?.parent;
  if (panel instanceof SplitPanel && panel.widgets.length === 2) {
    const sizes = panel.relativeSizes();
    if (sizes[1] < BELOW / 2) {
      panel.setRelativeSizes([1 - BELOW, BELOW]);
    }
  }
}
