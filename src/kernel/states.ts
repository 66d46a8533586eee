/**
 * What the controls show: the last known state of each open notebook's kernel, at hand without asking.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { isTracking } from '../model/front';
import type { TrackingStatus } from '../schema';
import type { IKernelNews, IKernels, KernelState } from '../tokens';

export interface IKnown {
  state: KernelState;
  /** Where the kernel stands, when it tracks. */
  status: TrackingStatus | null;
}

const NOTHING: IKnown = { state: 'none', status: null };

export class States {
  constructor(
    private readonly kernels: IKernels,
    notebooks: INotebookTracker
  ) {
    kernels.changed.connect(this.onNews, this);
    notebooks.forEach(panel => void this.refresh(panel));
    notebooks.widgetAdded.connect((_, panel) => void this.refresh(panel));
  }

  /** A notebook's kernel is in another state, or stands elsewhere. */
  get changed(): ISignal<States, NotebookPanel> {
    return this._changed;
  }

  get(panel: NotebookPanel): IKnown {
    return this.known.get(panel) ?? NOTHING;
  }

  /** Whether a notebook's kernel has tracking on, be it paused. */
  isOn(panel: NotebookPanel): boolean {
    return isTracking(this.get(panel).state);
  }

  private onNews(_: IKernels, news: IKernelNews): void {
    if (news.status) {
      this.set(news.panel, { state: news.status.state, status: news.status });
    } else if (!news.saving && !news.report) {
      void this.refresh(news.panel);
    }
  }

  private async refresh(panel: NotebookPanel): Promise<void> {
    const state = await this.kernels.state(panel);
    const { status } = this.get(panel);
    if (!panel.isDisposed) {
      this.set(panel, { state, status: status?.state === state ? status : null });
    }
  }

  private set(panel: NotebookPanel, known: IKnown): void {
    this.known.set(panel, known);
    this._changed.emit(panel);
  }

  private readonly known = new WeakMap<NotebookPanel, IKnown>();
  private readonly _changed = new Signal<States, NotebookPanel>(this);
}
