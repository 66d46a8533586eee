/**
 * What watches over a notebook's kernel, to offer its last state when it ends, goes with the notebook.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import { addRevival } from '../../src/kernel/revival';
import type { States } from '../../src/kernel/states';
import type { IContext } from '../../src/tokens';

test('a notebook that is closed is watched no longer', () => {
  const disposed = new Signal<object, void>({});
  const panel = { sessionContext: { statusChanged: new Signal({}) }, disposed };
  const get = jest.fn(() => ({ state: 'tracking', status: null }));
  const states = { get, isOn: () => true };
  const changed = new Signal<object, unknown>(states);
  const context = {
    notebooks: {
      forEach: (watch: (panel: NotebookPanel) => void) => watch(panel as unknown as NotebookPanel),
      widgetAdded: new Signal({})
    },
    services: { kernels: { changed: new Signal({}) } }
  } as unknown as IContext;
  addRevival(context, { ...states, changed } as unknown as States);
  changed.emit(panel);
  expect(get).toHaveBeenCalledTimes(2);
  disposed.emit();
  changed.emit(panel);
  expect(get).toHaveBeenCalledTimes(2);
});
