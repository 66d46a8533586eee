/**
 * A kernel is told of the notebook before the cell that starts tracking, for what that cell opens is heard of too late.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { KernelMessage } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { bringsPackage } from '../../src/kernel/kernels';
import { Link } from '../../src/kernel/link';

/** A kernel that writes down what it is sent, in order, and answers a question when it is told to. */
class FakeKernel {
  readonly name = 'python3';
  readonly status = 'idle';
  readonly isDisposed = false;
  readonly sent: string[] = [];
  answer: (found: object) => void = () => undefined;

  registerCommTarget(): void {}

  async requestCommInfo(): Promise<object> {
    return { content: { status: 'ok', comms: {} } };
  }

  requestExecute({ user_expressions }: { user_expressions: { answer: string } }): object {
    this.sent.push(/"verb\\":\\"(\w+)/.exec(user_expressions.answer)![1]);
    const done = new Promise(resolve => {
      this.answer = answer => resolve({ content: { user_expressions: { answer } } });
    });
    return { done };
  }

  sendShellMessage({ content }: KernelMessage.ICommMsgMsg<'shell'>): void {
    this.sent.push(`${content.comm_id}: ${JSON.stringify(content.data)}`);
  }
}

function open(kernel: FakeKernel): Link {
  const signal = (): Signal<object, unknown> => new Signal<object, unknown>({});
  const session = {
    session: { kernel },
    isReady: true,
    specsManager: { specs: null },
    kernelChanged: signal(),
    statusChanged: signal(),
    connectionStatusChanged: signal(),
    iopubMessage: signal()
  };
  const link = new Link(session as unknown as ISessionContext, nullTranslator.load('mlm_jupyter'));
  link.forgot.connect((_, when) => void (when === 'now' && link.send({ all: 'of it' })));
  return link;
}

const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve));

test('it is asked to listen and told, with nothing awaited between, and once', () => {
  const kernel = new FakeKernel();
  const link = open(kernel);
  link.send({ not: 'heard' });
  link.listen();
  link.listen();
  expect(kernel.sent).toEqual(['listen', 'mlm_jupyter: {"all":"of it"}']);
  expect(link.isListening).toBe(true);
});

test('tracking that a page starts begins with the notebook as it is shown', () => {
  const kernel = new FakeKernel();
  void open(kernel).ask('track', {});
  expect(kernel.sent).toEqual(['listen', 'mlm_jupyter: {"all":"of it"}', 'track']);
});

test('a kernel without the package is told nothing more', async () => {
  const kernel = new FakeKernel();
  const link = open(kernel);
  link.listen();
  kernel.answer({ status: 'error', ename: 'ModuleNotFoundError' });
  await settled();
  expect(link.isListening).toBe(false);
});

test.each([
  ['%load_ext mlm_jupyter\n%mlm_track', true],
  ['import numpy\nimport mlm_jupyter as mlm', true],
  ['  from mlm_jupyter import track', true],
  ['%mlm_track', true],
  ['%pip install -U mlm_jupyter\n%load_ext mlm_jupyter', false],
  ['print("import mlm_jupyter")', false],
  ['import mlm_jupyter_other', false],
  ['%mlm_tracker', false]
])('%j brings the package: %s', (source, brings) => {
  expect(bringsPackage(source)).toBe(brings);
});
