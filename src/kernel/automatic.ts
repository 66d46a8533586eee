/**
 * Tracking that starts by itself in every Python notebook, where the user has set it so.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { IContext } from '../tokens';
import type { States } from './states';

export function addAutomaticTracking({ services, notebooks }: IContext, states: States): void {
  const started = new WeakSet<object>();
  let isOn = false;

  /** Once in a kernel's life; not where the package is in use, for there tracking was stopped by hand. */
  const start = (panel: NotebookPanel): void => {
    const { kernel } = panel.sessionContext.session ?? {};
    const { state, status } = states.get(panel);
    if (!isOn || !kernel || started.has(kernel) || state !== 'off' || status) {
      return;
    }
    started.add(kernel);
    services.kernels
      .ask(panel, 'track')
      .catch(error => console.warn('Tracking did not start by itself:', error));
  };

  const begin = (panel: NotebookPanel): void => {
    panel.sessionContext.statusChanged.connect((session, status) => {
      if (session.session?.kernel && (status === 'restarting' || status === 'autorestarting')) {
        started.delete(session.session.kernel);
      }
    });
    start(panel);
  };

  const seen = new WeakSet<NotebookPanel>();
  states.changed.connect((_, panel) => {
    if (!seen.has(panel)) {
      seen.add(panel);
      begin(panel);
    } else {
      start(panel);
    }
  });
  void services.settings.then(settings => {
    const read = () => {
      isOn = settings?.get('trackAutomatically').composite === true;
      notebooks.forEach(start);
    };
    settings?.changed.connect(read);
    read();
  });
}
