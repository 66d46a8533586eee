/**
 * What is known of one notebook's kernel, and the comm through which the two keep each other informed.
 *
 * The comm's messages are read from the kernel's broadcasts, not through JupyterLab's comm handler: that one exists in the
 * first connection to a kernel only, which may be a console's.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import { CommsOverSubshells, type Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { TrackingStatus } from '../schema';
import type { IKernelNews, KernelState } from '../tokens';
import { ask, KernelFailure, look } from './ask';

export type News = Omit<IKernelNews, 'panel'>;

/** The name of the comm's target, and its id: it can be spoken to before its opening is heard of. */
const TARGET = 'mlm_jupyter';

/** So long an idle kernel is waited for: it may be busy without our having heard. */
const PATIENCE_MS = 2000;

export class Link implements IDisposable {
  constructor(
    private readonly session: ISessionContext,
    private readonly trans: TranslationBundle
  ) {
    session.kernelChanged.connect(this.onKernelChanged, this);
    session.statusChanged.connect(this.onStatusChanged, this);
    session.connectionStatusChanged.connect(this.onConnectionChanged, this);
    session.iopubMessage.connect(this.onMessage, this);
    this.begin();
  }

  /** Something changed: what is not said is to be asked for. */
  get news(): ISignal<Link, News> {
    return this._news;
  }

  /** The kernel wants to be told everything: it is new, it has lost something, or somebody else spoke to it. */
  get forgot(): ISignal<Link, 'now' | 'next'> {
    return this._forgot;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async ask<T>(verb: string, args: { [key: string]: unknown }, onBegun?: () => void): Promise<T> {
    if (!this.kernel && !this.session.isReady) {
      await this.session.ready; // a notebook just opened: its kernel is about to come
    }
    const kernel = this.kernel;
    if (!kernel || isDead(kernel)) {
      throw kernel
        ? new KernelFailure(
            'dead',
            this.trans.__('The kernel is dead. Restart it, then try again.')
          )
        : new KernelFailure(
            'none',
            this.trans.__('This notebook has no kernel. Start one, then try again.')
          );
    }
    if (verb === 'track') {
      this.listen();
    }
    const value = await ask<T>(kernel, verb, args, this.trans, onBegun);
    if (kernel === this.kernel && isStatus(value)) {
      this.take({ status: value });
    }
    return value;
  }

  async state(): Promise<KernelState> {
    const kernel = this.kernel;
    if (!kernel) {
      return 'none';
    }
    if (isDead(kernel)) {
      return 'dead';
    }
    if (!this.isPython(kernel)) {
      return 'other-language';
    }
    if (this.status) {
      return this.status.state;
    }
    const found = kernel.status === 'busy' ? 'busy' : await this.find(kernel);
    this.isAwaited = found === 'busy';
    return found;
  }

  /** Whether the kernel wants to be told of the notebook. */
  get isListening(): boolean {
    return this.comm !== null && this.kernel !== null && !isDead(this.kernel);
  }

  /** Have the kernel listen before tracking starts: what the start opens is heard of when a Run All has sent all its cells. */
  listen(): void {
    const kernel = this.kernel;
    if (!kernel || this.isListening || isDead(kernel) || !this.isPython(kernel)) {
      return;
    }
    ask(kernel, 'listen', {}, this.trans).catch(() => {
      if (kernel === this.kernel) {
        this.comm = null; // it has no package yet, say: should tracking start all the same, that is heard
      }
    });
    this.comm = TARGET;
    this._forgot.emit('now');
  }

  /** Tell the kernel something, in order with the cells that are executed. */
  send(data: JSONObject): void {
    const kernel = this.kernel;
    if (!kernel || !this.comm || isDead(kernel)) {
      return;
    }
    // Not through a comm of JupyterLab's: it would go by a subshell, past the execute requests that wait.
    const message = KernelMessage.createMessage<KernelMessage.ICommMsgMsg<'shell'>>({
      msgType: 'comm_msg',
      channel: 'shell',
      username: kernel.username,
      session: kernel.clientId,
      content: { comm_id: this.comm, data }
    });
    kernel.sendShellMessage(message, false, true);
  }

  private get kernel(): Kernel.IKernelConnection | null {
    return this.session.session?.kernel ?? null;
  }

  private isPython(kernel: Kernel.IKernelConnection): boolean {
    const spec = this.session.specsManager.specs?.kernelspecs[kernel.name];
    return !spec || spec.language.toLowerCase() === 'python';
  }

  /** A question to an idle kernel, asked once however many want to know. */
  private find(kernel: Kernel.IKernelConnection): Promise<KernelState> {
    this.finding ??= this.findStatus(kernel).finally(() => (this.finding = null));
    const busy = new Promise<KernelState>(resolve =>
      setTimeout(() => resolve('busy'), PATIENCE_MS)
    );
    return Promise.race([this.finding, busy]);
  }

  private async findStatus(kernel: Kernel.IKernelConnection): Promise<KernelState> {
    try {
      const found = await look(kernel, this.trans);
      if (found === 'loaded') {
        return (await this.ask<TrackingStatus>('status', {})).state;
      }
      return found === 'there' ? 'off' : 'without-package';
    } catch {
      return isDead(kernel) ? 'dead' : 'busy';
    }
  }

  /** Start anew with the kernel there is now. */
  private begin(): void {
    this.status = this.comm = this.finding = null;
    this._forgot.emit('next');
    const kernel = this.kernel;
    if (kernel && !isDead(kernel) && this.isPython(kernel)) {
      kernel.registerCommTarget(TARGET, keepOffSubshells);
      void this.findComm(kernel);
    }
    this._news.emit({});
  }

  /** The comm may be open since before this page was loaded. */
  private async findComm(kernel: Kernel.IKernelConnection): Promise<void> {
    try {
      const { content } = await kernel.requestCommInfo({ target_name: TARGET });
      const id = content.status === 'ok' ? Object.keys(content.comms).pop() : undefined;
      if (id && !this.comm && kernel === this.kernel) {
        this.comm = id;
        this._forgot.emit('now');
        this._news.emit({});
      }
    } catch {
      // The kernel was restarted or has died: that is heard of by itself.
    }
  }

  private onKernelChanged(): void {
    this.begin();
  }

  private onStatusChanged(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      this.status = this.comm = this.finding = null;
      this._forgot.emit('next');
      this._news.emit({});
    } else if (status === 'idle' && this.isAwaited) {
      this.isAwaited = false;
      this._news.emit({});
    }
  }

  private onConnectionChanged(_: ISessionContext, status: Kernel.ConnectionStatus): void {
    if (status === 'connected') {
      this.begin(); // messages may have been missed
    }
  }

  private onMessage(_: ISessionContext, message: KernelMessage.IMessage): void {
    if (KernelMessage.isCommOpenMsg(message)) {
      if (message.content.target_name === TARGET) {
        this.comm = message.content.comm_id;
        this._forgot.emit('now');
        this.take(message.content.data);
      }
    } else if (KernelMessage.isCommMsgMsg(message)) {
      if (message.content.comm_id === this.comm) {
        this.take(message.content.data);
      }
    } else if (KernelMessage.isCommCloseMsg(message)) {
      if (message.content.comm_id === this.comm) {
        this.comm = null;
        this.status = this.status?.state === 'off' ? this.status : null;
        this._news.emit({});
      }
    } else if (message.header.msg_type === 'execute_input' && this.isOfAnother(message)) {
      this._forgot.emit('next'); // another page told its own cells just before
    }
  }

  private isOfAnother(message: KernelMessage.IMessage): boolean {
    const { parent_header: parent } = message;
    return 'session' in parent && parent.session !== this.kernel?.clientId;
  }

  private take(data: object): void {
    const news = data as News & { missing?: string[] };
    if (news.status) {
      this.status = news.status;
    }
    if (news.missing) {
      this._forgot.emit('now');
    }
    if (news.status || news.saving || news.report) {
      this._news.emit({ status: news.status, saving: news.saving, report: news.report });
    }
  }

  private _isDisposed = false;
  /** Somebody was answered 'busy' for want of knowing. */
  private isAwaited = false;
  private status: TrackingStatus | null = null;
  private comm: string | null = null;
  private finding: Promise<KernelState> | null = null;
  private readonly _news = new Signal<Link, News>(this);
  private readonly _forgot = new Signal<Link, 'now' | 'next'>(this);
}

function isDead(kernel: Kernel.IKernelConnection): boolean {
  return kernel.isDisposed || kernel.status === 'dead';
}

function isStatus(value: unknown): value is TrackingStatus {
  return typeof value === 'object' && value !== null && 'state' in value && 'run' in value;
}

/** JupyterLab starts a thread in the kernel for each target's comms, for messages to it: ours do not go that way. */
function keepOffSubshells(opened: Kernel.IComm): void {
  const comm = opened as Kernel.IComm & { subshellStarted?: Promise<void> };
  void comm.subshellStarted
    ?.then(() => (comm.commsOverSubshells = CommsOverSubshells.Disabled))
    .catch(() => undefined);
}
