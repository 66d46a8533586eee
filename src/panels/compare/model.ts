/**
 * What a comparison shows: both moments, what differs, and how that is known. No DOM.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { ClientError } from '../../client';
import type {
  Checkpoint,
  CheckpointComparison,
  CheckpointDetail,
  CheckpointDiff,
  Comparison,
  NotebookDiff,
  ValueDiff,
  Variable
} from '../../schema';
import { type IKernelNews, type IKernels, type IServices, NOW } from '../../tokens';
import { type Basis, basisOf, findKernel, sizeOf } from './basis';
import type { IPair } from './pair';

/** One of the two moments; without a checkpoint it is now. */
export interface ISide {
  checkpoint: Checkpoint | null;
  /** Its run, session and environment; null until they came. */
  detail: CheckpointDetail | null;
}

export interface IFailure {
  message: string;
  /** The notebook to open first, where that is the next step; else the next step is to try again. */
  notebook: string | null;
}

export class CompareModel {
  constructor(
    private readonly services: IServices,
    private readonly notebooks: INotebookTracker,
    readonly pair: IPair
  ) {
    services.kernels.changed.connect(this.onKernel, this);
    notebooks.widgetAdded.connect(this.onOpened, this);
  }

  /** Anything below changed. */
  get changed(): ISignal<CompareModel, void> {
    return this._changed;
  }

  base: ISide = { checkpoint: null, detail: null };
  other: ISide = { checkpoint: null, detail: null };
  /** Null until it came. */
  diff: CheckpointDiff | null = null;
  notebook: NotebookDiff | null = null;
  /** How the values of changed variables differ, by name, where a kernel could say. */
  values: { readonly [name: string]: ValueDiff } = {};
  basis: Basis = { by: 'nothing' };
  /** Why there is nothing, or nothing newer. */
  failure: IFailure | null = null;
  /** The live notebook changed since it was compared. */
  isStale = false;
  /** The variables that are the same; null until asked for. */
  unchanged: readonly Variable[] | null = null;

  get isNow(): boolean {
    return this.pair.other === NOW;
  }

  get onlyChanges(): boolean {
    return this._onlyChanges;
  }
  set onlyChanges(value: boolean) {
    this._onlyChanges = value;
    this._changed.emit();
    if (!value) {
      void this.loadUnchanged();
    }
  }

  dispose(): void {
    this.asked++;
    this.watched?.context.model.contentChanged.disconnect(this.onContent, this);
    Signal.clearData(this);
  }

  /** Ask for everything, again if it was before; what was shown stays until the answer. */
  async load(): Promise<void> {
    const number = ++this.asked;
    let answer: CheckpointComparison;
    try {
      answer = await this.compare().catch(error => this.findProject(error));
    } catch (error) {
      this.fail(number, error);
      return;
    }
    if (number !== this.asked) {
      return;
    }
    this.failure = null;
    this.isStale = false;
    this.base = { checkpoint: answer.base, detail: null };
    this.other = { checkpoint: answer.other, detail: null };
    this.diff = answer.diff;
    this.notebook = answer.notebook;
    this.values = {};
    this.unchanged = null;
    this._changed.emit();
    await Promise.all([
      this.loadDetails(number),
      this.considerValues(),
      this._onlyChanges ? undefined : this.loadUnchanged()
    ]);
  }

  /** Have the values compared by the kernel that was found, though it is busy or has much to load. */
  async compareByValue(): Promise<void> {
    const { basis } = this;
    if (basis.by === 'preview' && basis.panel) {
      await this.askKernel(basis.panel);
    } else {
      await this.considerValues();
    }
  }

  private async compare(): Promise<CheckpointComparison> {
    const { client, trans } = this.services;
    const { project, base, other } = this.pair;
    if (other !== NOW) {
      return client.diff(project, base, other);
    }
    const panel = this.livePanel();
    if (!panel) {
      throw new Error(
        trans.__('%1 is not open: its cells and its kernel are the other side.', this.pair.notebook)
      );
    }
    await panel.context.ready;
    this.watch(panel);
    return client.diffWithNotebook(project, base, panel.context.model.toJSON());
  }

  /** A server that was restarted knows a project again when it is asked for a notebook of it. */
  private async findProject(error: unknown): Promise<CheckpointComparison> {
    const notebook = this.livePanel()?.context.localPath ?? this.pair.notebook;
    if (error instanceof ClientError && error.code === 'not_found' && notebook) {
      const found = await this.services.projects.find(notebook);
      if (found?.id === this.pair.project) {
        return this.compare();
      }
    }
    throw error;
  }

  private fail(number: number, error: unknown): void {
    if (number === this.asked) {
      const { message } = error as Error;
      const mustOpen = this.isNow && !this.livePanel();
      this.failure = { message, notebook: mustOpen ? (this.pair.notebook ?? null) : null };
      this._changed.emit();
    }
  }

  private livePanel(): NotebookPanel | null {
    const { notebook } = this.pair;
    return this.notebooks.find(panel => panel.context.path === notebook) ?? null;
  }

  private async loadDetails(number: number): Promise<void> {
    const load = async (side: 'base' | 'other'): Promise<void> => {
      const { checkpoint } = this[side];
      if (checkpoint) {
        const detail = await this.services.client.checkpoint(this.pair.project, checkpoint.id);
        if (number === this.asked) {
          this[side] = { checkpoint, detail };
          this._changed.emit();
        }
      }
    };
    // What is missing is left out: the comparison itself is there.
    await Promise.allSettled([load('base'), load('other')]);
  }

  private async loadUnchanged(): Promise<void> {
    const number = this.asked;
    const id = this.other.checkpoint?.id ?? this.base.checkpoint?.id;
    const { diff, services, pair } = this;
    if (!id || !diff || this.unchanged) {
      return;
    }
    const changed = new Set((diff.variables ?? []).map(change => change.name));
    try {
      const { items } = await services.client.variables(pair.project, id);
      if (number === this.asked) {
        this.unchanged = items.filter(variable => !changed.has(variable.name));
      }
    } catch (error) {
      this.fail(number, error);
    }
    this._changed.emit();
  }

  /** Compare by value where a kernel can do it at once; else say why not, and what could be done. */
  private async considerValues(): Promise<void> {
    const { services, pair, diff } = this;
    const number = this.asked;
    const isChanged = diff?.variables?.some(change => change.change === 'changed') ?? false;
    if (!this.isNow && !isChanged) {
      this.setBasis({ by: 'nothing' });
      return;
    }
    const found = this.isNow
      ? await findKernel(services, [this.livePanel()])
      : await findKernel(services, this.candidates(), pair.project);
    if (number !== this.asked) {
      return;
    }
    const basis = basisOf(found, this.isNow, sizeOf(diff?.variables ?? []), services.trans);
    if (basis.by === 'preview' || !found) {
      this.setBasis(basis);
    } else {
      await this.askKernel(found.panel);
    }
  }

  /** The notebook in front first: its kernel is the likeliest to be free of other work. */
  private candidates(): NotebookPanel[] {
    const panels = this.notebooks.filter(() => true);
    const front = this.notebooks.currentWidget;
    return front ? [front, ...panels.filter(panel => panel !== front)] : panels;
  }

  private async askKernel(panel: NotebookPanel): Promise<void> {
    const number = this.asked;
    const { base, other, services } = this;
    const notebook = panel.context.path;
    this.setBasis({ by: 'asking', notebook });
    try {
      const answer = await services.kernels.ask<Comparison>(panel, 'diff', {
        base: base.checkpoint?.id,
        ...(other.checkpoint && { other: other.checkpoint.id })
      });
      if (number !== this.asked) {
        return;
      }
      this.values = answer.values;
      if (this.isNow) {
        this.diff = { ...answer.diff, cells: this.diff?.cells };
      }
      this.setBasis({ by: 'value', notebook });
    } catch (error) {
      if (number === this.asked) {
        const message = (error as Error).message;
        this.setBasis({ by: 'preview', why: 'failed', message, panel });
      }
    }
  }

  private setBasis(basis: Basis): void {
    this.basis = basis;
    this._changed.emit();
  }

  private watch(panel: NotebookPanel): void {
    if (this.watched !== panel) {
      this.watched = panel;
      panel.context.model.contentChanged.connect(this.onContent, this);
    }
  }

  /** The notebook that was missing is there: the user opened it, or the layout was restored after this tab. */
  private onOpened(_: INotebookTracker, panel: NotebookPanel): void {
    if (this.failure?.notebook === panel.context.path) {
      void this.load();
    }
  }

  private onContent(): void {
    if (!this.isStale) {
      this.isStale = true;
      this._changed.emit();
    }
  }

  private onKernel(_: IKernels, news: IKernelNews): void {
    const { basis } = this;
    if (news.status && basis.by === 'preview' && basis.why === 'no-kernel') {
      void this.considerValues();
    }
    if (this.isNow && news.panel === this.watched && (news.saving || news.report)) {
      this.onContent();
    }
  }

  private readonly _changed = new Signal<CompareModel, void>(this);
  private _onlyChanges = true;
  private watched: NotebookPanel | null = null;
  /** Answers that come after a newer question are dropped. */
  private asked = 0;
}
