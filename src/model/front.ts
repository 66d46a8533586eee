/**
 * The notebook in front: its path, the project that remembers it, what its kernel can do.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { ClientError } from '../client';
import type { IHome, IKernelNews, IKernels, IProjects, KernelState } from '../tokens';

/** When to look for the project of a notebook after one of its cells ran: what the cell began is on disk a moment later. */
const LOOKS = [200, 1500];

export class Front implements IDisposable {
  /**
   * @param localPath - the path on the server of a path in JupyterLab, where a drive may stand before it
   */
  constructor(
    private readonly notebooks: Pick<INotebookTracker, 'currentWidget' | 'currentChanged'>,
    private readonly projects: IProjects,
    private readonly kernels: IKernels,
    private readonly localPath: (path: string) => string
  ) {
    notebooks.currentChanged.connect(this.follow, this);
    projects.changed.connect(this.onWritten, this);
    kernels.changed.connect(this.onNews, this);
    this.follow();
  }

  /** The notebook in front; null while none is open. */
  get panel(): NotebookPanel | null {
    return this._panel;
  }

  /** Its path on the server. */
  get path(): string | null {
    return this._panel === null ? null : this.localPath(this._panel.context.path);
  }

  /** The project that remembers it; null where there is none, or it is not known yet. */
  get project(): IHome | null {
    return this._project;
  }

  /** Whether its history is found for good; where not, it may be elsewhere whenever something was written. */
  get isSettled(): boolean {
    return this._project !== null && !this._project.is_former && this._found === this.path;
  }

  get kernel(): KernelState {
    return this._kernel;
  }

  /** Whether it is not known yet if there is a project. */
  get isLooking(): boolean {
    return this._isLooking;
  }

  /** Why the project could not be looked for; null when it could. */
  get failure(): ClientError | null {
    return this._failure;
  }

  /** Something above changed. */
  get changed(): ISignal<Front, void> {
    return this._changed;
  }

  /** The kernel of the notebook in front told something. */
  get told(): ISignal<Front, IKernelNews> {
    return this._told;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.leave();
    Signal.clearData(this);
  }

  /** A cell of a notebook was executed: it may have begun a project. */
  async onExecuted(panel: unknown): Promise<void> {
    for (const delay of LOOKS) {
      if (panel !== this._panel || this._project !== null) {
        return;
      }
      await new Promise(resolve => setTimeout(resolve, delay));
      await this.look();
    }
  }

  /** Look for the project of the notebook. */
  async look(): Promise<void> {
    const turn = ++this._turn;
    const path = this.path;
    if (path === null || this._isDisposed) {
      return;
    }
    let project = this._project;
    let failure: ClientError | null = null;
    try {
      project = await this.projects.find(path);
    } catch (error) {
      failure = error instanceof ClientError ? error : new ClientError('failed', String(error));
    }
    if (turn === this._turn && !this._isDisposed) {
      this._project = project;
      this._found = failure === null ? path : null;
      this._failure = failure;
      this._isLooking = false;
      this._changed.emit();
    }
  }

  private follow(): void {
    const panel = this.notebooks.currentWidget;
    if (panel === this._panel) {
      return;
    }
    this.leave();
    this._panel = panel;
    this.forget();
    if (panel !== null) {
      panel.context.pathChanged.connect(this.onRenamed, this);
      void this.look();
      void this.askKernel().then(() => this.askStanding());
    }
    this._changed.emit();
  }

  private leave(): void {
    if (this._panel !== null && !this._panel.isDisposed) {
      this._panel.context.pathChanged.disconnect(this.onRenamed, this);
    }
  }

  private forget(): void {
    this._turn += 1;
    this._project = null;
    this._failure = null;
    this._isLooking = this._panel !== null;
    this._kernel = 'none';
  }

  private onRenamed(): void {
    void this.look();
  }

  private onWritten(): void {
    if (this._project === null) {
      void this.look();
    }
  }

  private onNews(_: IKernels, news: IKernelNews): void {
    if (news.panel !== this._panel) {
      return;
    }
    if (news.status) {
      this._kernel = news.status.state;
    } else {
      void this.askKernel();
    }
    if (this._project === null && (news.status?.project || news.saving)) {
      void this.look();
    }
    this._told.emit(news);
    this._changed.emit();
  }

  private async askKernel(): Promise<void> {
    const panel = this._panel;
    if (panel === null) {
      return;
    }
    const kernel = await this.kernels.state(panel).catch((): KernelState => 'none');
    if (panel === this._panel && kernel !== this._kernel) {
      this._kernel = kernel;
      this._changed.emit();
    }
  }

  /** A kernel that tracks is asked where it stands: it tells of changes only. The answer comes as news. */
  private async askStanding(): Promise<void> {
    if (this._panel !== null && isTracking(this._kernel)) {
      await this.kernels.ask(this._panel, 'status').catch(() => undefined);
    }
  }

  private _panel: NotebookPanel | null = null;
  private _project: IHome | null = null;
  /** The path that the project was found for. */
  private _found: string | null = null;
  private _kernel: KernelState = 'none';
  private _failure: ClientError | null = null;
  private _isLooking = false;
  private _isDisposed = false;
  private _turn = 0;
  private readonly _changed = new Signal<Front, void>(this);
  private readonly _told = new Signal<Front, IKernelNews>(this);
}

/** Whether the kernel has a session: it knows where it stands. */
export function isTracking(kernel: KernelState): boolean {
  return kernel === 'tracking' || kernel === 'paused' || kernel === 'manual';
}
