/**
 * The item in the status bar: the run and the last checkpoint of the notebook in front.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import React from 'react';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { formatCheckpoint, formatMoment } from '../format';
import { checkpointIcon } from '../icons';
import type { Checkpoint } from '../schema';
import { CommandIDs, type IContext, type IHome } from '../tokens';
import { findLatest } from './latest';
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
    const label = this.latest && formatCheckpoint(this.latest);
    const last = this.latest
      ? trans.__('The last checkpoint is %1, of %2.', label, formatMoment(this.latest.created_at))
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

  /** Another notebook is in front, or its history was found, or found elsewhere: what was shown is not its last. */
  private onFront(): void {
    const { panel, project } = this.context.front;
    const before = this.project;
    const isSame =
      panel === this.panel && project?.id === before?.id && project?.notebook === before?.notebook;
    this.panel = panel;
    this.project = project;
    if (!isSame) {
      this.turn += 1;
      this.tell(null);
      this.ask();
    }
  }

  private onState(_: States, panel: NotebookPanel): void {
    if (panel === this.panel) {
      this.tell(this.latest);
      if (this.latest === null) {
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
      this.latest = null; // nobody sees it, and it is not followed
      return;
    }
    const { client } = this.context.services;
    const latest = await findLatest(client, project).catch(() => this.latest);
    if (turn === this.turn) {
      this.tell(latest);
    }
  }

  private tell(latest: Checkpoint | null): void {
    this.latest = latest;
    this.update();
  }

  private panel: NotebookPanel | null = null;
  private project: IHome | null = null;
  private latest: Checkpoint | null = null;
  /** Answers about another notebook than the one in front are dropped. */
  private turn = 0;
  private readonly rest = new Debouncer(() => this.refresh(), REST_MS);
}
