/**
 * How the values of variables differ, as far as a kernel can say. No DOM.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { CheckpointDiff, Comparison, ValueDiff } from '../../schema';
import type { IKernelNews, IKernels, IServices } from '../../tokens';
import { type Basis, basisOf, findKernel, sizeOf } from './basis';

/** What is compared: two checkpoints by their ids, or one with now. */
interface ICompared {
  base: string;
  other: string | null;
  /** What is known without a kernel. */
  diff: CheckpointDiff;
}

export class Valuation {
  /**
   * @param panels - the notebooks whose kernels may be asked, the best first
   * @param tell - called when something changed, with what a kernel answered if that is it
   */
  constructor(
    private readonly services: IServices,
    private readonly project: string,
    private readonly panels: () => readonly (NotebookPanel | null)[],
    private readonly tell: (answer?: Comparison) => void
  ) {
    services.kernels.changed.connect(this.onKernel, this);
  }

  basis: Basis = { by: 'nothing' };
  /** How the values of changed variables differ, by name, where a kernel could say. */
  values: { readonly [name: string]: ValueDiff } = {};

  /** Compare by value where a kernel can do it at once; else say why not, and what could be done. */
  async begin(compared: ICompared): Promise<void> {
    this.compared = compared;
    this.values = {};
    await this.consider();
  }

  /** Have the values compared by the kernel that was found, though it is busy or has much to load. */
  async insist(): Promise<void> {
    const { basis } = this;
    if (basis.by === 'preview' && basis.panel) {
      await this.ask(basis.panel);
    } else {
      await this.consider();
    }
  }

  dispose(): void {
    this.compared = null;
    this.services.kernels.changed.disconnect(this.onKernel, this);
  }

  private async consider(): Promise<void> {
    const { compared, services } = this;
    if (!compared) {
      return;
    }
    const isNow = compared.other === null;
    const changes = compared.diff.variables ?? [];
    if (!isNow && !changes.some(({ change }) => change === 'changed')) {
      this.set({ by: 'nothing' });
      return;
    }
    const found = await findKernel(services, this.panels(), isNow ? undefined : this.project);
    if (compared !== this.compared) {
      return;
    }
    const basis = basisOf(found, isNow, sizeOf(changes), services.trans);
    if (basis.by === 'preview' || !found) {
      this.set(basis);
    } else {
      await this.ask(found.panel);
    }
  }

  private async ask(panel: NotebookPanel): Promise<void> {
    const { compared, services } = this;
    if (!compared) {
      return;
    }
    const { base, other } = compared;
    const notebook = panel.context.path;
    this.set({ by: 'asking', notebook });
    try {
      const args = { base, ...(other && { other }) };
      const answer = await services.kernels.ask<Comparison>(panel, 'diff', args);
      if (compared === this.compared) {
        this.values = answer.values;
        this.set({ by: 'value', notebook }, answer);
      }
    } catch (error) {
      if (compared === this.compared) {
        const message = (error as Error).message;
        this.set({ by: 'preview', why: 'failed', message, panel });
      }
    }
  }

  private set(basis: Basis, answer?: Comparison): void {
    this.basis = basis;
    this.tell(answer);
  }

  private onKernel(_: IKernels, { status }: IKernelNews): void {
    if (status && this.basis.by === 'preview' && this.basis.why === 'no-kernel') {
      void this.consider();
    }
  }

  /** Answers that come after a newer question are dropped. */
  private compared: ICompared | null = null;
}
