/**
 * The section of the panel with the history of the notebook in front.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message as LuminoMessage } from '@lumino/messaging';
import * as React from 'react';

import type { Timeline } from '../../model/timeline';
import { Lazy } from '../lazy';

/** The view brings a library with it: neither is loaded before somebody looks. */
const HistoryView = React.lazy(async () => ({ default: (await import('./view')).HistoryView }));

type Place = 'list' | 'filter';

export class HistoryWidget extends ReactWidget {
  constructor(
    private readonly timeline: Timeline,
    private readonly commands: CommandRegistry,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-MlmHistory');
    this.title.label = trans.__('History');
  }

  /** Put the focus into the list; into the filter box where there is no list, or if asked; once the view is there. */
  focus(where: Place = 'list'): void {
    const find = (selector: string): HTMLElement | null => this.node.querySelector(selector);
    const list = where === 'list' ? find('.jp-MlmHistory-list') : null;
    (list ?? find('.jp-MlmFilter-box') ?? find('button'))?.focus();
    this.awaited = this.isDrawn ? null : where;
  }

  protected onAfterAttach(message: LuminoMessage): void {
    this.wasShown ||= this.isVisible;
    super.onAfterAttach(message);
    this.timeline.isShown = this.isVisible;
  }

  protected onAfterShow(message: LuminoMessage): void {
    super.onAfterShow(message);
    this.wasShown = true;
    this.update();
    this.timeline.isShown = true;
  }

  protected onAfterHide(message: LuminoMessage): void {
    super.onAfterHide(message);
    this.timeline.isShown = false;
    this.awaited = null;
  }

  protected render(): React.JSX.Element | null {
    const { timeline, commands, trans } = this;
    const onDrawn = (): void => this.onDrawn();
    if (!this.wasShown) {
      return null;
    }
    return (
      <Lazy trans={trans}>
        <HistoryView timeline={timeline} commands={commands} trans={trans} onDrawn={onDrawn} />
      </Lazy>
    );
  }

  private onDrawn(): void {
    this.isDrawn = true;
    if (this.awaited !== null) {
      this.focus(this.awaited);
    }
  }

  private wasShown = false;
  private isDrawn = false;
  /** Where the focus goes once the view is there. */
  private awaited: Place | null = null;
}
