/**
 * While a kernel is asked, the user is told what it is really doing: a cell that runs before, or what was asked.
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';

import { ask } from '../../src/kernel/ask';
import { askVisibly } from '../../src/kernel/asking';
import type { IServices } from '../../src/tokens';

const trans = nullTranslator.load('mlm_jupyter');

/** A kernel with a cell before what is asked, which begins and ends when told to. */
class Kernel {
  status = 'idle';
  onIOPub = (_: object): void => undefined;
  end = (): void => undefined;

  requestExecute(): this {
    return this;
  }

  readonly done = new Promise<object>(resolve => {
    const data = { 'application/vnd.mlm-jupyter+json': { ok: true, value: 'done' } };
    this.end = () => resolve({ content: { user_expressions: { answer: { status: 'ok', data } } } });
  });

  begin(): void {
    this.status = 'busy';
    this.onIOPub({
      header: { msg_type: 'status' },
      channel: 'iopub',
      content: { execution_state: 'busy' }
    });
  }
}

const services = {
  trans,
  kernels: {
    ask: (panel: NotebookPanel, verb: string, args: object, onBegun: () => void) =>
      ask(panel.sessionContext.session!.kernel!, verb, args as never, trans, onBegun)
  }
} as unknown as IServices;

function restore(kernel: Kernel): Promise<string | null> {
  const panel = { sessionContext: { session: { kernel } } };
  return askVisibly<string>(services, panel as unknown as NotebookPanel, 'restore');
}

const told = (): string[] => Notification.manager.notifications.map(({ message }) => message);
const AWHILE = 1000;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a restore that takes long is not told as a cell that runs', async () => {
  const kernel = new Kernel();
  const answer = restore(kernel);
  kernel.begin();
  await jest.advanceTimersByTimeAsync(AWHILE);
  expect(told()).toEqual(['The kernel is at work on it.']);
  kernel.end();
  expect(await answer).toBe('done');
  expect(told()).toEqual([]);
});

test('a cell that runs before is told, until it has ended', async () => {
  const kernel = new Kernel();
  kernel.status = 'busy';
  const answer = restore(kernel);
  await jest.advanceTimersByTimeAsync(AWHILE);
  expect(told()).toEqual(['The kernel is running a cell. It answers when that has ended.']);
  kernel.begin();
  expect(told()).toEqual([]);
  await jest.advanceTimersByTimeAsync(AWHILE);
  expect(told()).toEqual(['The kernel is at work on it.']);
  kernel.end();
  await answer;
  expect(told()).toEqual([]);
});
