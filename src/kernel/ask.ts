/**
 * One question to a kernel and its answer: an execute request without code, which no history, prompt or cell sees.
 */
import { type Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

/** Why a kernel did not do what was asked: `code` is the kernel's own, or one of ours. The message is for the user. */
export class KernelFailure extends Error {
  constructor(
    readonly code: string,
    message: string
  ) {
    super(message);
    this.name = 'KernelFailure';
  }
}

type Expression = { status: string; data?: { [type: string]: unknown }; ename?: string };
type Answer<T> = { ok: true; value: T } | { ok: false; code: string; message: string };

const MIME_TYPE = 'application/vnd.mlm-jupyter+json';

/** A cell that fails makes a kernel abort what waits behind it: our question is asked again, so often. */
const TIMES = 5;

/** Says whether the package is there without importing it: a kernel that is not tracked stays as it was. */
const LOOK =
  "(lambda util, modules: 'loaded' if 'mlm_jupyter.kernel.tracker' in modules else 'there' " +
  "if util.find_spec('mlm_jupyter') else 'missing')(__import__('importlib.util').util, __import__('sys').modules)";

/** A call of `ask` in Python; JSON's escapes are Python's too, and a lone surrogate is escaped in both. */
export function expressionOf(verb: string, args: { [key: string]: unknown }): string {
  const literal = JSON.stringify(JSON.stringify({ verb, args }));
  return `__import__('mlm_jupyter.kernel.frontend', fromlist=['ask']).ask(${literal})`;
}

/** Ask for a verb; rejects with a `KernelFailure`. Calls `onBegun` when the kernel has done what was asked before, and is at this. */
export async function ask<T>(
  kernel: Kernel.IKernelConnection,
  verb: string,
  args: { [key: string]: unknown },
  trans: TranslationBundle,
  onBegun?: () => void
): Promise<T> {
  const found = await evaluate(kernel, expressionOf(verb, args), trans, onBegun);
  if (found.status !== 'ok') {
    throw found.ename === 'ModuleNotFoundError'
      ? new KernelFailure(
          'without-package',
          trans.__(
            'The package mlm_jupyter is not installed where this kernel runs. Install it there, then try again.'
          )
        )
      : new KernelFailure('unknown', trans.__('The kernel could not answer: %1', found.ename));
  }
  const answer = found.data?.[MIME_TYPE] as Answer<T> | undefined;
  if (!answer) {
    throw new KernelFailure('unknown', trans.__('The kernel gave an answer of no known form.'));
  }
  if (!answer.ok) {
    throw new KernelFailure(answer.code, answer.message);
  }
  return answer.value;
}

/** Whether a kernel has the package, and has it in use. */
export async function look(
  kernel: Kernel.IKernelConnection,
  trans: TranslationBundle
): Promise<'loaded' | 'there' | 'missing'> {
  const { data } = await evaluate(kernel, LOOK, trans);
  const text = String(data?.['text/plain']);
  return text === "'loaded'" ? 'loaded' : text === "'there'" ? 'there' : 'missing';
}

async function evaluate(
  kernel: Kernel.IKernelConnection,
  expression: string,
  trans: TranslationBundle,
  onBegun?: () => void
): Promise<Expression> {
  for (let time = 0; time < TIMES; time++) {
    const content = await request(kernel, expression, trans, onBegun);
    const answer = (content as KernelMessage.IExecuteReply).user_expressions?.answer;
    if (answer) {
      return answer as Expression;
    }
  }
  throw new KernelFailure(
    'aborted',
    trans.__('A cell before this failed, and the kernel dropped what waited. Try again.')
  );
}

async function request(
  kernel: Kernel.IKernelConnection,
  expression: string,
  trans: TranslationBundle,
  onBegun?: () => void
): Promise<KernelMessage.IExecuteReplyMsg['content']> {
  try {
    const future = kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      user_expressions: { answer: expression },
      allow_stdin: false,
      stop_on_error: false
    });
    future.onIOPub = message => {
      if (KernelMessage.isStatusMsg(message) && message.content.execution_state === 'busy') {
        onBegun?.();
      }
    };
    return (await future.done).content;
  } catch {
    throw new KernelFailure(
      'dead',
      trans.__('The kernel ended or was restarted before it answered. Try again when it is back.')
    );
  }
}
