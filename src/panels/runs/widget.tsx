/**
 * The section of the side panel that lists the runs of a project.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { Lazy } from '../lazy';
import type { ISectionProps } from './section';

/** What is in it is not loaded before somebody looks. */
const SectionBody = React.lazy(async () => ({ default: (await import('./section')).SectionBody }));

export class RunsSection extends ReactWidget {
  constructor(private readonly props: ISectionProps) {
    super();
    const { trans } = props;
    this.id = 'mlm-runs';
    this.addClass('jp-MlmRuns');
    this.title.label = trans.__('Runs');
    this.title.caption = trans.__('The runs of the project of the notebook in front');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Runs'));
  }

  protected onAfterAttach(message: Message): void {
    this.wasShown ||= this.isVisible;
    super.onAfterAttach(message);
    this.props.model.isShown = this.isVisible;
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.wasShown = true;
    this.update();
    this.props.model.isShown = true;
  }

  protected onBeforeHide(message: Message): void {
    this.props.model.isShown = false;
    super.onBeforeHide(message);
  }

  protected render(): React.JSX.Element | null {
    return this.wasShown ? (
      <Lazy trans={this.props.trans}>
        <SectionBody {...this.props} />
      </Lazy>
    ) : null;
  }

  private wasShown = false;
}
