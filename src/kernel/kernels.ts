/**
 * Asking a notebook's kernel.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IKernelNews, IKernels, KernelState } from '../tokens';

export class Kernels implements IKernels {
  constructor(notebooks: INotebookTracker) {}

  ask<T>(panel: NotebookPanel, verb: string, args: { [key: string]: unknown } = {}): Promise<T> {
    return Promise.reject(new Error('not yet'));
  }

  state(panel: NotebookPanel): Promise<KernelState> {
    return Promise.resolve('none');
  }

  get changed(): ISignal<IKernels, IKernelNews> {
    return this._changed;
  }

  private readonly _changed = new Signal<IKernels, IKernelNews>(this);
}
