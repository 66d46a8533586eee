/**
 * After a kernel's end: a notification offers its last state when it died, a quiet banner when the user restarted it.
 */
import { Notification } from '@jupyterlab/apputils';
import { type NotebookPanel, NotebookActions } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import { formatAgo, formatCheckpoint, formatMoment } from '../format';
import type { IContext, IKernelNews, IServices } from '../tokens';
import { showFailure } from './asking';
import { findLastState, type ILatest } from './latest';
import type { States } from './states';

const SETTING = 'offerAfterRestart';

export function addRevival(context: IContext, states: States): void {
  const { notebooks, services } = context;
  const watch = (panel: NotebookPanel) => new Watch(panel, services, states);
  notebooks.forEach(watch);
  notebooks.widgetAdded.connect((_, panel) => watch(panel));
}

/** Watches over one notebook's kernel. */
class Watch {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly services: IServices,
    states: States
  ) {
    states.changed.connect(this.onState, this);
    services.kernels.changed.connect(this.onNews, this);
    panel.sessionContext.statusChanged.connect(this.onStatus, this);
    panel.disposed.connect(this.onClosed, this);
    this.onState(states, panel);
  }

  private onState(states: States, panel: NotebookPanel): void {
    if (panel === this.panel) {
      const { state, status } = states.get(panel);
      this.wasTracked = states.isOn(panel) || (this.wasTracked && !(state === 'off' && status));
    }
  }

  private onNews(_: unknown, { panel, report, saving }: IKernelNews): void {
    if (panel === this.panel && report) {
      this.restored = report.checkpoint_id;
      this.withdraw();
    } else if (panel === this.panel && saving) {
      this.restored = null;
    }
  }

  private onStatus(_: unknown, status: Kernel.Status): void {
    const isWanted = this.panel.sessionContext.isRestarting;
    if (!this.wasTracked || !['restarting', 'autorestarting', 'dead'].includes(status)) {
      return;
    }
    this.wasTracked = false;
    // Asked for now: a kernel that is tracked automatically makes a checkpoint of its emptiness at once.
    this.offer(isWanted, status === 'dead').catch(error => showFailure(this.services, error));
  }

  private async offer(isWanted: boolean, isDead: boolean): Promise<void> {
    this.withdraw();
    if (isWanted && !(await this.isBannerWanted())) {
      return;
    }
    const latest = await this.find();
    if (latest && isWanted) {
      await this.showBanner(latest);
    } else if (latest && !this.panel.isDisposed) {
      this.notify(latest, isDead);
    }
  }

  /** The last state, if there is anything in it: of the newest checkpoint, or of the one gone back to since. */
  private async find(): Promise<ILatest | null> {
    const { client } = this.services;
    try {
      const latest = await findLastState(this.services, this.panel);
      if (latest && this.restored) {
        latest.checkpoint = (await client.checkpoint(latest.project, this.restored)).checkpoint;
      }
      const { items } = latest
        ? await client.variables(latest.project, latest.checkpoint.id)
        : { items: [] };
      return items.length ? latest : null;
    } catch {
      return null; // the server cannot say what there is: nothing can be offered
    }
  }

  private notify(latest: ILatest, isDead: boolean): void {
    const { trans } = this.services;
    const label = formatCheckpoint(latest.checkpoint);
    const age = formatAgo(latest.checkpoint.created_at, Date.now(), trans);
    this.notification = Notification.warning(
      trans.__(
        'The kernel of %1 died. Its state at checkpoint %2 (%3) can be brought back.',
        this.panel.title.label,
        label,
        age
      ),
      {
        autoClose: false,
        actions: [
          {
            label: isDead ? trans.__('Restart and restore') : trans.__('Restore the last state'),
            caption: formatMoment(latest.checkpoint.created_at),
            displayType: 'accent',
            callback: () => void this.bringBack(latest)
          }
        ]
      }
    );
  }

  private async showBanner(latest: ILatest): Promise<void> {
    const { Banner } = await import('./banner');
    if (this.panel.isDisposed) {
      return;
    }
    const banner = new Banner(latest, this.services, {
      restore: () => void this.bringBack(latest),
      dismiss: () => this.withdraw(),
      never: () => void this.never()
    });
    this.banner = banner;
    this.panel.contentHeader.addWidget(banner);
    NotebookActions.executed.connect(this.onExecuted, this);
  }

  /** What would go on being heard would keep the notebook in memory. */
  private onClosed(): void {
    this.withdraw();
    Signal.clearData(this);
  }

  /** Whoever runs a cell has decided to go on without. */
  private onExecuted(_: unknown, { notebook }: { notebook: unknown }): void {
    if (notebook === this.panel.content) {
      this.withdraw();
    }
  }

  private async bringBack({ project, checkpoint }: ILatest): Promise<void> {
    this.withdraw();
    try {
      const { revive } = await import('./restore');
      await revive(this.services, this.panel, project, checkpoint);
    } catch (error) {
      showFailure(this.services, error);
    }
  }

  private async isBannerWanted(): Promise<boolean> {
    return (await this.services.settings)?.get(SETTING).composite !== false;
  }

  private async never(): Promise<void> {
    const { settings, trans } = this.services;
    this.withdraw();
    await (await settings)?.set(SETTING, false);
    Notification.info(
      trans.__('You are not asked any more. The settings of Notebook History can change that.'),
      { autoClose: 5000 }
    );
  }

  private withdraw(): void {
    NotebookActions.executed.disconnect(this.onExecuted, this);
    Notification.dismiss(this.notification);
    this.banner?.dispose();
    this.banner = null;
  }

  /** Whether the kernel, until it ended, had a state that was remembered. */
  private wasTracked = false;
  /** The checkpoint that the kernel was put back to, as long as no cell was run on it. */
  private restored: string | null = null;
  private notification = 'none';
  private banner: Widget | null = null;
}
