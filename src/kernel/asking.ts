/**
 * Asking a kernel where the user sees it: what takes long says what it waits for, what fails says what to do.
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { reasonOf } from '../reason';
import { CommandIDs, INSTALL, type IServices } from '../tokens';
import { KernelFailure } from './ask';

/** What comes sooner needs no word about waiting. */
const QUIET_MS = 700;

/** Ask a kernel; null when it failed, which is then on screen. */
export async function askVisibly<T>(
  services: IServices,
  panel: NotebookPanel,
  verb: string,
  args: { [key: string]: unknown } = {}
): Promise<T | null> {
  let end = tellOfWaiting(() => waitingFor(services, panel));
  const onBegun = (): void => {
    end();
    end = tellOfWaiting(() => services.trans.__('The kernel is at work on it.'));
  };
  try {
    return await services.kernels.ask<T>(panel, verb, args, onBegun);
  } catch (error) {
    showFailure(services, error);
    return null;
  } finally {
    end();
  }
}

/** Say that something is waited for, once that takes long; returns what ends it. */
export function tellOfWaiting(
  message: () => string,
  actions: Notification.IAction[] = []
): () => void {
  let told = 'none';
  const timer = setTimeout(() => {
    told = Notification.emit(message(), 'in-progress', { autoClose: false, actions });
  }, QUIET_MS);
  return () => {
    clearTimeout(timer);
    Notification.dismiss(told);
  };
}

/** Say why something could not be done. */
export function showFailure(services: IServices, error: unknown): void {
  if (error instanceof KernelFailure && error.code === 'without-package') {
    showMissingPackage(services);
    return;
  }
  Notification.error(reasonOf(error, services.trans), { autoClose: false });
}

/** Say that the kernel lacks the package, and hand over the line that installs it. */
export function showMissingPackage({ commands, trans }: IServices): void {
  Notification.error(
    trans.__(
      'This kernel does not have the package mlm_jupyter. Run the install line in a cell, then try again.'
    ),
    {
      autoClose: false,
      actions: [
        {
          label: trans.__('Copy the install line'),
          caption: INSTALL,
          callback: () => void commands.execute(CommandIDs.copy, { text: INSTALL })
        }
      ]
    }
  );
}

function isBusy(panel: NotebookPanel): boolean {
  return panel.sessionContext.session?.kernel?.status === 'busy';
}

function waitingFor({ trans }: IServices, panel: NotebookPanel): string {
  return isBusy(panel)
    ? trans.__('The kernel is running a cell. It answers when that has ended.')
    : trans.__('Waiting for the kernel.');
}
