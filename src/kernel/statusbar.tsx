/**
 * The item in the status bar: the run of the notebook in front, and the checkpoint where its kernel stands.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import React from 'react';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { formatCheckpoint, formatMoment } from '../format';
import { checkpointIcon } from '../icons';
import type { Front } from '../model/front';
import { explain, findStanding, type IStanding } from '../model/entries';
import type { Checkpoint } from '../schema';
import { CommandIDs, type IContext, type IHome, type IKernelNews } from '../tokens';
import { findNewest } from './latest';
import type { States } from './states';

/** Many cells may end at once. */
const REST_MS = 300;

export function addStatusItem(context: IContext, states: States): void {
  const { statusBar, notebooks, services } = context;
  if (!statusBar) {
    return;
  }
  const item = new StatusItem(context, states);
  let isWanted = true;
  const activity = new Signal<StatusItem, void>(item);
  void services.settings.then(settings => {
    const read = () => {
      isWanted = settings?.get('showInStatusBar').composite !== false;
      activity.emit();
    };
    settings?.changed.connect(read);
    read();
  });
  states.changed.connect(() => activity.emit());
  notebooks.currentChanged.connect(() => activity.emit());
  statusBar.registerStatusItem('mlm-jupyter:run', {
    item,
    align: 'left',
    rank: 60,
    isActive: () => {
      const panel = notebooks.currentWidget;
      return isWanted && panel !== null && states.isOn(panel);
    },
    activeStateChanged: activity
  });
}

class StatusItem extends ReactWidget {
  constructor(
    private readonly context: IContext,
    private readonly states: States
  ) {
    super();
    const { front, services } = context;
    services.projects.changed.connect(this.onWritten, this);
    front.changed.connect(this.onFront, this);
    front.told.connect(this.onTold, this);
    states.changed.connect(this.onState, this);
    this.onFront();
  }

  dispose(): void {
    this.rest.dispose();
    super.dispose();
  }

  protected render(): React.ReactElement | null {
    const { commands, trans } = this.context.services;
    const run = this.panel && this.states.get(this.panel).status?.run;
    const label = this.here && formatCheckpoint(this.here);
    const last = this.here
      ? trans.__(
          'The kernel is at checkpoint %1, of %2.',
          label,
          formatMoment(this.here.created_at)
        )
      : trans.__('There is no checkpoint yet.');
    const ofRun = run ? trans.__('This is the run %1.', run) : trans.__('There is no run.');
    return (
      <button
        className="jp-MlmStatus"
        title={`${ofRun} ${last} ${trans.__('Click to see the history.')}`}
        onClick={() => void commands.execute(CommandIDs.showPanel)}
      >
        <checkpointIcon.react tag="span" />
        <span>{[run, label].filter(text => text).join(' · ')}</span>
      </button>
    );
  }

  private onWritten(_: unknown, project: string): void {
    if (project === this.context.front.project?.id) {
      this.ask();
    }
  }

  /** Another notebook is in front, or its history was found, or found elsewhere: what was shown is not of it. */
  private onFront(): void {
    const { panel, project } = this.context.front;
    const before = this.project;
    const isSame =
      panel === this.panel && project?.id === before?.id && project?.notebook === before?.notebook;
    if (panel !== this.panel) {
      this.told = this.saving = null;
    }
    this.panel = panel;
    this.project = project;
    if (!isSame) {
      this.turn += 1;
      this.tell(null);
      this.ask();
    }
  }

  /** The kernel says where it stands; while something is saved a status does not know of that. */
  private onTold(_: Front, { status, saving, report }: IKernelNews): void {
    if (saving) {
      this.saving = saving.id;
      this.told = { id: saving.id, newest: saving.id };
    } else if (status?.current && (report || this.saving === null)) {
      this.saving = null;
      this.told = { id: status.current, newest: null };
      this.ask();
    }
  }

  private onState(_: States, panel: NotebookPanel): void {
    if (panel === this.panel) {
      if (!this.states.isOn(panel)) {
        this.told = this.saving = null; // of a kernel that is gone
      }
      this.tell(this.here);
      if (this.here === null) {
        this.ask(); // what was not tracked was not asked about
      }
    }
  }

  private ask(): void {
    void this.rest.invoke().catch(() => undefined); // disposed meanwhile
  }

  private async refresh(): Promise<void> {
    const { panel, project, turn } = this;
    if (!panel || !project || !this.states.isOn(panel)) {
      this.here = null; // nobody sees it, and it is not followed
      return;
    }
    const { client } = this.context.services;
    try {
      const items = await findNewest(client, project);
      const id = turn === this.turn ? this.standIn(items, project) : null;
      const here = items.find(item => item.id === id);
      const found = here ?? (id && (await client.checkpoint(project.id, id)).checkpoint);
      if (turn === this.turn) {
        this.tell(found || null);
      }
    } catch {
      // What was shown stays: the next that is written asks again.
    }
  }

  /** Where the kernel stands, by its newest checkpoints; where it was, while the next is being saved. */
  private standIn(items: readonly Checkpoint[], { notebook }: IHome): string | null {
    if (this.saving !== null && (items[0]?.id ?? '') < this.saving) {
      return this.here?.id ?? null;
    }
    this.saving = null;
    this.told = this.told && explain(this.told, items, true);
    return findStanding(items, this.told, notebook ?? null);
  }

  private tell(here: Checkpoint | null): void {
    this.here = here;
    this.update();
  }

  private panel: NotebookPanel | null = null;
  private project: IHome | null = null;
  /** Where its kernel stands. */
  private here: Checkpoint | null = null;
  /** What the kernel said last of that, and what it said is being saved. */
  private told: IStanding | null = null;
  private saving: string | null = null;
  /** Answers about another notebook than the one in front are dropped. */
  private turn = 0;
  private readonly rest = new Debouncer(() => this.refresh(), REST_MS);
}
