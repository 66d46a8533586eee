/**
 * A main area widget over a set of runs that follows them while it is open.
 */
import { MainAreaWidget } from '@jupyterlab/apputils';
import { type LabIcon, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { UUID } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { RunSet } from '../../model/runset';
import type { IServices } from '../../tokens';
import '../../../src/style/runs.css';

const FIRST_MS = 500;
const SLOW_MS = 30_000;

class RunSetContent extends ReactWidget {
  constructor(
    private readonly set: RunSet,
    private readonly draw: () => React.JSX.Element
  ) {
    super();
    this.addClass('jp-MlmRunView');
  }

  dispose(): void {
    this.set.dispose();
    super.dispose();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.set.setShown(this.isVisible);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.set.setShown(true);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.set.setShown(false);
  }

  protected render(): React.JSX.Element {
    return <UseSignal signal={this.set.changed}>{() => this.draw()}</UseSignal>;
  }
}

/** What is shown while there is nothing to show yet, or nothing at all. */
export function Waiting({
  set,
  services
}: {
  set: RunSet;
  services: IServices;
}): React.JSX.Element {
  if (!set.isLoaded) {
    return <p className="jp-MlmRunView-message">{services.trans.__('Loading…')}</p>;
  }
  return (
    <div role="alert">
      {[...set.failures].map(([id, message]) => (
        <p key={id} className="jp-MlmRunView-message">
          {message}
        </p>
      ))}
    </div>
  );
}

/** Open runs in a tab; its title is the names of the runs, once they are known. */
export function openRunSet(
  services: IServices,
  set: RunSet,
  notebook: string | null,
  icon: LabIcon,
  draw: () => React.JSX.Element,
  titleOf: () => string
): MainAreaWidget {
  const widget = new MainAreaWidget({ content: new RunSetContent(set, draw) });
  widget.toolbar.hide(); // It has nothing in it.
  widget.id = `mlm-runs-${UUID.uuid4()}`;
  widget.title.icon = icon;
  widget.title.closable = true;
  widget.title.label = services.trans.__('Run');
  set.changed.connect(() => {
    if (set.runs.length) {
      widget.title.label = titleOf();
    }
    widget.title.caption = set.runs.map(run => run.name).join(', ');
  });
  if (notebook !== null) {
    services.client.remember(set.project, notebook);
  }
  void keepFresh(widget, set);
  return widget;
}

/** Ask again, seldom, for what no event told of, since events are lost while the server restarts; soon where something failed. */
async function keepFresh(widget: MainAreaWidget, set: RunSet): Promise<void> {
  let wait = FIRST_MS;
  while (!widget.isDisposed) {
    if (!set.isLoaded || widget.isVisible) {
      await set.refresh();
    }
    await new Promise(resolve => setTimeout(resolve, wait));
    wait = set.failures.size ? Math.min(2 * wait, SLOW_MS) : SLOW_MS;
  }
}
