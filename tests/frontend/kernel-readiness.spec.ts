/**
 * Waiting for a kernel: what is over soon is not told, what takes long is, and can be ended.
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { makeReady } from '../../src/kernel/readiness';
import type { IServices, KernelState } from '../../src/tokens';

const services = {
  kernels: { state: async (): Promise<KernelState> => 'off' },
  trans: nullTranslator.load('mlm_jupyter')
} as unknown as IServices;

/** A kernel that is busy until its status is set. */
function busy(): { state: Promise<KernelState | null>; become(status: string): void } {
  const kernel = { status: 'busy' };
  const statusChanged = new Signal<object, string>({});
  const panel = { sessionContext: { session: { kernel }, statusChanged } };
  return {
    state: makeReady(services, panel as unknown as NotebookPanel, { isNew: true }),
    become: status => statusChanged.emit((kernel.status = status))
  };
}

describe('a kernel that is waited for', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is not spoken of when it is ready soon', async () => {
    const { state, become } = busy();
    await jest.advanceTimersByTimeAsync(300);
    become('idle');
    expect(await state).toBe('off');
    await jest.advanceTimersByTimeAsync(5000);
    expect(Notification.manager.count).toBe(0);
  });

  it('is spoken of when it takes long, until it is ready', async () => {
    const { state, become } = busy();
    await jest.advanceTimersByTimeAsync(1000);
    expect(Notification.manager.notifications[0].message).toContain('Waiting for the kernel');
    become('idle');
    expect(await state).toBe('off');
    expect(Notification.manager.count).toBe(0);
  });

  it('is waited for no more when the user cancels', async () => {
    const { state } = busy();
    await jest.advanceTimersByTimeAsync(1000);
    const [cancel] = Notification.manager.notifications[0].options.actions!;
    cancel.callback({} as MouseEvent);
    expect(await state).toBeNull();
    expect(Notification.manager.count).toBe(0);
  });
});
