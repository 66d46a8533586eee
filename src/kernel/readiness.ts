/**
 * Getting a kernel to the point where it can be restored: started, idle, with the package; the user decides how.
 */
import { Dialog, Notification, SessionContextDialogs, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { IServices, KernelState } from '../tokens';
import { showMissingPackage, tellOfWaiting } from './asking';

/** So often a kernel that is idle, and still does not answer, is asked (each time for two seconds). */
const TIMES = 15;

/**
 * The state of a kernel that can be asked now; null when it cannot, which the user knows.
 * A kernel that `isNew` is waited for: it is busy with nothing but its start.
 */
export async function makeReady(
  services: IServices,
  panel: NotebookPanel,
  { isNew = false } = {}
): Promise<KernelState | null> {
  const { kernels, trans } = services;
  const status = panel.sessionContext.session?.kernel?.status ?? 'none';
  if (status === 'none' || status === 'dead') {
    if (!(await offerStart(services, panel, status))) {
      return null;
    }
  } else if (status === 'busy' && !isNew && !(await offerWait(services, panel))) {
    return null;
  }
  if (!(await untilIdle(services, panel))) {
    return null;
  }
  let state = await kernels.state(panel);
  for (let time = 1; state === 'busy' && time < TIMES; time++) {
    state = await kernels.state(panel);
  }
  switch (state) {
    case 'other-language':
      Notification.error(
        trans.__('The kernel of this notebook does not run Python: its state cannot be restored.')
      );
      return null;
    case 'without-package':
      showMissingPackage(services);
      return null;
    case 'none':
    case 'dead':
    case 'busy':
      Notification.error(
        trans.__('The kernel does not answer. When it is idle, or was restarted, try again.')
      );
      return null;
    default:
      return state;
  }
}

async function offerStart(
  { trans, translator }: IServices,
  panel: NotebookPanel,
  state: 'none' | 'dead'
): Promise<boolean> {
  const isDead = state === 'dead';
  const { button } = await showDialog({
    title: isDead ? trans.__('The kernel is dead') : trans.__('There is no kernel'),
    body: isDead
      ? trans.__('It has to be restarted before a state can be restored into it.')
      : trans.__('One has to be started before a state can be restored into it.'),
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({
        label: isDead ? trans.__('Restart and restore') : trans.__('Start and restore')
      })
    ]
  });
  if (!button.accept) {
    return false;
  }
  const { sessionContext } = panel;
  if (isDead) {
    const name = sessionContext.session?.kernel?.name ?? sessionContext.prevKernelName;
    await sessionContext.changeKernel({ name });
  } else if (await sessionContext.startKernel()) {
    await new SessionContextDialogs({ translator }).selectKernel(sessionContext);
  }
  await sessionContext.session?.kernel?.info;
  return true;
}

async function offerWait({ trans }: IServices, panel: NotebookPanel): Promise<boolean> {
  const { button } = await showDialog({
    title: trans.__('The kernel is busy'),
    body: trans.__(
      'It is running a cell, and can be restored only when that has ended. What is queued behind it runs first.'
    ),
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: trans.__('Interrupt it') }),
      Dialog.okButton({ label: trans.__('Wait for it') })
    ],
    defaultButton: 2
  });
  if (!button.accept) {
    return false;
  }
  if (button.displayType === 'warn') {
    await panel.sessionContext.session?.kernel?.interrupt();
  }
  return true;
}

/** Wait for the kernel; false when the user, or the kernel's end, put an end to it. */
function untilIdle({ trans }: IServices, panel: NotebookPanel): Promise<boolean> {
  const { sessionContext } = panel;
  const status = () => sessionContext.session?.kernel?.status ?? 'dead';
  if (status() === 'idle') {
    return Promise.resolve(true);
  }
  return new Promise(resolve => {
    const check = () => {
      if (status() === 'idle' || status() === 'dead') {
        end(status() === 'idle');
      }
    };
    const end = (isIdle: boolean) => {
      sessionContext.statusChanged.disconnect(check);
      endWord();
      resolve(isIdle);
    };
    const endWord = tellOfWaiting(
      () => trans.__('Waiting for the kernel, to restore it then.'),
      [{ label: trans.__('Cancel'), callback: () => end(false) }]
    );
    sessionContext.statusChanged.connect(check);
  });
}
