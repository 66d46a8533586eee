/**
 * The kernels of the notebooks that are open: what can be asked of each, and its being told of the cells that are shown.
 */
import type { ICellModel } from '@jupyterlab/cells';
import {
  type INotebookModel,
  type INotebookTracker,
  type Notebook,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { User } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IKernelNews, IKernels, KernelState } from '../tokens';
import { DocumentTeller } from './document';
import { Link, type News } from './link';

type Context = DocumentRegistry.IContext<INotebookModel>;

/** One notebook, however many views of it are open. */
interface IOpen {
  link: Link;
  teller: DocumentTeller;
}

export class Kernels implements IKernels {
  constructor(
    private readonly notebooks: INotebookTracker,
    private readonly trans: TranslationBundle,
    private readonly user: User.IManager | null,
    /** Where a notebook was before it was renamed. */
    private readonly pathsBefore: (notebook: string) => string[]
  ) {
    notebooks.forEach(panel => this.open(panel.context));
    notebooks.widgetAdded.connect((_, panel) => this.open(panel.context));
    // Emitted just before the execute request is sent, with nothing awaited between.
    NotebookActions.executionScheduled.connect(this.onScheduled, this);
  }

  get changed(): ISignal<IKernels, IKernelNews> {
    return this._changed;
  }

  ask<T>(
    panel: NotebookPanel,
    verb: string,
    args: { [key: string]: unknown } = {},
    onBegun?: () => void
  ): Promise<T> {
    return this.open(panel.context).link.ask<T>(verb, args, onBegun);
  }

  state(panel: NotebookPanel): Promise<KernelState> {
    return this.open(panel.context).link.state();
  }

  private open(context: Context): IOpen {
    const known = this.opened.get(context);
    if (known) {
      return known;
    }
    const teller = new DocumentTeller(context.model.sharedModel);
    const link = new Link(context.sessionContext, this.trans);
    const opened = { link, teller };
    this.opened.set(context, opened);
    link.news.connect((_, news) => this.spread(context, news));
    link.forgot.connect((_, when) => {
      teller.forget();
      if (when === 'now') {
        this.tell(context);
      }
    });
    context.pathChanged.connect(() => this.tell(context)); // its history follows at once
    context.disposed.connect(() => {
      this.opened.delete(context);
      link.dispose();
      teller.dispose();
    });
    return opened;
  }

  private onScheduled(
    _: unknown,
    { notebook, cell }: { notebook: Notebook; cell: { model: ICellModel } }
  ): void {
    const panel = this.notebooks.find(one => one.content === notebook);
    if (!panel) {
      return;
    }
    if (bringsPackage(cell.model.sharedModel.getSource())) {
      this.open(panel.context).link.listen();
    }
    this.tell(panel.context);
  }

  private tell(context: Context): void {
    const { link, teller } = this.open(context);
    if (!link.isListening) {
      return;
    }
    const document = teller.take(context.localPath);
    if (document?.path) {
      document.before = this.pathsBefore(document.path);
    }
    if (document) {
      const author = this.author;
      link.send({ document, ...(author && { author }) } as unknown as JSONObject);
    }
  }

  /** Who the server says is here; a name that JupyterLab made up is nobody's. */
  private get author(): string | null {
    const identity = this.user?.identity;
    const name = identity?.name || identity?.username;
    return name && !name.startsWith('Anonymous ') ? name : null;
  }

  private spread(context: Context, news: News): void {
    this.notebooks
      .filter(panel => panel.context === context)
      .forEach(panel => this._changed.emit({ panel, ...news }));
  }

  private readonly opened = new Map<Context, IOpen>();
  private readonly _changed = new Signal<IKernels, IKernelNews>(this);
}

const BRINGS = /^\s*(%(re)?load_ext\s+mlm_jupyter|%mlm_track|(import|from)\s+mlm_jupyter)\b/m;
const INSTALLS = /\binstall\b/;

/** Whether code brings the package into its kernel; not where it first installs the version that is to come. */
export function bringsPackage(source: string): boolean {
  return BRINGS.test(source) && !INSTALLS.test(source);
}
