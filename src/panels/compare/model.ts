/**
 * What a comparison shows: both moments, what differs, and how that is known. No DOM.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import type {
  CheckpointComparison,
  CheckpointDiff,
  Comparison,
  Logged,
  NotebookDiff,
  ValueDiff
} from '../../schema';
import { type IKernelNews, type IKernels, type IProjects, type IServices, NOW } from '../../tokens';
import type { Basis } from './basis';
import type { IPair } from './pair';
import { type ISame, type IWhole, sameOf } from './same';
import { type ISide, type News, Sides } from './sides';
import { Valuation } from './valuation';

interface IFailure {
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
    this.sides = new Sides(services, pair, news => this.onSide(news));
    this.valuation = new Valuation(
      services,
      pair.project,
      () => (this.isNow ? [this.livePanel()] : this.candidates()),
      answer => this.onValues(answer)
    );
    if (pair.notebook && !this.isNow) {
      services.client.remember(pair.project, pair.notebook);
    }
    services.kernels.changed.connect(this.onKernel, this);
    notebooks.widgetAdded.connect(this.onOpened, this);
    services.projects.changed.connect(this.onWritten, this);
  }

  /** Anything below changed. */
  get changed(): ISignal<CompareModel, void> {
    return this._changed;
  }

  get base(): ISide {
    return this.sides.base;
  }
  get other(): ISide {
    return this.sides.other;
  }
  /** Null until it came. */
  diff: CheckpointDiff | null = null;
  notebook: NotebookDiff | null = null;
  /** How the values of changed variables differ, by name, where a kernel could say. */
  get values(): { readonly [name: string]: ValueDiff } {
    return this.valuation.values;
  }
  get basis(): Basis {
    return this.valuation.basis;
  }
  /** Why there is nothing, or nothing newer. */
  failure: IFailure | null = null;
  /** The live notebook, or what a cell showed, changed since it was compared. */
  isStale = false;

  /** What is the same; null while it is not wanted, or not known. */
  get same(): ISame | null {
    const { diff, whole } = this;
    const isCompared = !this.isNow || this.basis.by === 'value';
    if (this._onlyChanges || !diff || !whole || !isCompared) {
      return null;
    }
    return sameOf(whole, this.shared.detail, diff);
  }

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
      void this.loadWhole();
    }
  }

  /** Say whether it is on screen: only then the names of the moments are kept as they are now. */
  setShown(isShown: boolean): void {
    this.sides.setShown(isShown);
  }

  dispose(): void {
    this.asked++;
    this.sides.dispose();
    this.valuation.dispose();
    this.watched?.context.model.contentChanged.disconnect(this.onContent, this);
    Signal.clearData(this);
  }

  /** Ask for everything, again if it was before; what was shown stays until the answer. */
  async load(): Promise<void> {
    const number = ++this.asked;
    let answer: CheckpointComparison;
    try {
      answer = await this.compare();
    } catch (error) {
      this.fail(number, error);
      return;
    }
    if (number !== this.asked) {
      return;
    }
    this.failure = null;
    this.isStale = false;
    this.sides.set(answer.base, answer.other);
    this.diff = answer.diff;
    this.notebook = answer.notebook;
    this.whole = null;
    const { base, other, diff } = answer;
    const valued = this.valuation.begin({ base: base.id, other: other?.id ?? null, diff });
    this._changed.emit();
    await Promise.all([
      this.sides.load(),
      valued,
      this._onlyChanges ? undefined : this.loadWhole()
    ]);
  }

  /** Have the values compared by the kernel that was found, though it is busy or has much to load. */
  compareByValue(): Promise<void> {
    return this.valuation.insist();
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
    client.remember(project, panel.context.localPath);
    return client.diffWithNotebook(project, base, panel.context.model.toJSON());
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

  /** The side of which it is asked what is the same: now has no other list than what differs from it. */
  private get shared(): ISide {
    return this.other.checkpoint ? this.other : this.base;
  }

  private async loadWhole(): Promise<void> {
    const number = this.asked;
    const { client } = this.services;
    const id = this.shared.checkpoint?.id;
    if (!id || this.whole) {
      return;
    }
    try {
      const [{ items }, logged] = await Promise.all([
        client.variables(this.pair.project, id),
        this.loadLogged(id)
      ]);
      if (number === this.asked) {
        this.whole = { variables: items, logged };
      }
    } catch (error) {
      this.fail(number, error);
    }
    this._changed.emit();
  }

  private async loadLogged(id: string): Promise<Logged> {
    const { client } = this.services;
    const { project, other, are_runs } = this.pair;
    return are_runs ? (await client.run(project, other)).run : client.logged(project, id);
  }

  /** The notebook in front first: its kernel is the likeliest to be free of other work. */
  private candidates(): NotebookPanel[] {
    const panels = this.notebooks.filter(() => true);
    const front = this.notebooks.currentWidget;
    return front ? [front, ...panels.filter(panel => panel !== front)] : panels;
  }

  /** The variables of now are only the kernel's to compare; the cells are not. */
  private onValues(answer?: Comparison): void {
    if (answer && this.isNow) {
      this.diff = { ...answer.diff, cells: this.diff?.cells };
    }
    this._changed.emit();
  }

  private onSide(news: News): void {
    if (news === 'environment' && !this.isNow) {
      void this.compareEnvironments();
    } else if (news !== 'name') {
      this.isStale = true;
    }
    this._changed.emit();
  }

  /** What was compared before the environment was known, which is looked at behind the first cells, is compared with it. */
  private async compareEnvironments(): Promise<void> {
    const number = this.asked;
    const answer = await this.compare().catch(() => null);
    if (answer && number === this.asked && this.diff) {
      this.diff = { ...this.diff, environment: answer.diff.environment };
      this._changed.emit();
    }
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

  /** What could not be had is asked for again: the server is back, or the store is mended. */
  private onWritten(_: IProjects, project: string): void {
    if (project === this.pair.project && this.failure && this.failure.notebook === null) {
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
    if (this.isNow && news.panel === this.watched && (news.saving || news.report)) {
      this.onContent();
    }
  }

  private readonly _changed = new Signal<CompareModel, void>(this);
  private readonly sides: Sides;
  private readonly valuation: Valuation;
  /** All of the side that is asked what is the same; null until it came. */
  private whole: IWhole | null = null;
  private _onlyChanges = true;
  private watched: NotebookPanel | null = null;
  /** Answers that come after a newer question are dropped. */
  private asked = 0;
}
