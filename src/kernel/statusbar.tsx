/**
 * The item in the status bar: the run and the last checkpoint of the notebook in front.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import React from 'react';
import { Debouncer } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import { formatCheckpoint, formatMoment } from '../format';
import { checkpointIcon } from '../icons';
import { CommandIDs, type IContext } from '../tokens';
import { findLatest } from './latest';
import type { States } from './states';

/** Many cells may end at once. */
const REST_MS = 300;

interface IShown {
  run: string | null;
  label: string | null;
  /** When the last checkpoint was made. */
  at: number | null;
}

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
    const refresh = () => void this.rest.invoke();
    context.services.projects.changed.connect(refresh, this);
    context.notebooks.currentChanged.connect(refresh, this);
    states.changed.connect(refresh, this);
  }

  protected render(): React.ReactElement | null {
    const { commands, trans } = this.context.services;
    const { run, label, at } = this.shown;
    const last =
      label && at
        ? trans.__('The last checkpoint is %1, of %2.', label, formatMoment(at))
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

  private async refresh(): Promise<void> {
    const panel = this.context.notebooks.currentWidget;
    if (!panel || !this.states.isOn(panel)) {
      return;
    }
    const { status } = this.states.get(panel);
    const latest = await findLatest(this.context.services, panel).catch(() => null);
    const checkpoint = latest?.checkpoint;
    if (panel === this.context.notebooks.currentWidget) {
      this.shown = {
        run: status?.run ?? null,
        label: checkpoint ? formatCheckpoint(checkpoint) : null,
        at: checkpoint?.created_at ?? null
      };
      this.update();
    }
  }

  private shown: IShown = { run: null, label: null, at: null };
  private readonly rest = new Debouncer(() => this.refresh(), REST_MS);
}
