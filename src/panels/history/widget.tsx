/**
 * The section of the panel with the history of the notebook in front.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message as LuminoMessage } from '@lumino/messaging';
import * as React from 'react';

import type { Timeline } from '../../model/timeline';
import { CommandIDs } from '../../tokens';
import { Filter } from './filter';
import { EntryList } from './list';
import { Failure, hasList, Message } from './messages';
import { titleOf } from './words';

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

  /** Put the focus into the list; into the filter box where there is no list, or if asked. */
  focus(where: 'list' | 'filter' = 'list'): void {
    const find = (selector: string): HTMLElement | null => this.node.querySelector(selector);
    const list = where === 'list' ? find('.jp-MlmHistory-list') : null;
    (list ?? find('.jp-MlmFilter-box') ?? find('button'))?.focus();
  }

  protected onAfterAttach(message: LuminoMessage): void {
    super.onAfterAttach(message);
    this.timeline.isShown = this.isVisible;
  }

  protected onAfterShow(message: LuminoMessage): void {
    super.onAfterShow(message);
    this.timeline.isShown = true;
  }

  protected onAfterHide(message: LuminoMessage): void {
    super.onAfterHide(message);
    this.timeline.isShown = false;
  }

  protected render(): React.JSX.Element {
    return <HistoryView timeline={this.timeline} commands={this.commands} trans={this.trans} />;
  }
}

export interface IHistoryViewProps {
  timeline: Timeline;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export function HistoryView(props: IHistoryViewProps): React.JSX.Element {
  const { timeline, trans } = props;
  const box = React.useRef<HTMLInputElement>(null);
  const root = React.useRef<HTMLDivElement>(null);
  useTimeline(timeline);
  const isFilterable = timeline.front.panel !== null && timeline.history !== null;
  const focusList = (): void =>
    root.current?.querySelector<HTMLElement>('.jp-MlmHistory-list')?.focus();
  return (
    <div ref={root} className="jp-MlmHistory-view">
      {isFilterable && <Filter timeline={timeline} trans={trans} box={box} onLeave={focusList} />}
      <Reference {...props} />
      <Failure {...props} />
      {hasList(timeline) ? <EntryList {...props} /> : <Message {...props} />}
    </div>
  );
}

/** What others are compared with, and how to have done with it. */
function Reference({ timeline, commands, trans }: IHistoryViewProps): React.JSX.Element | null {
  const entry = timeline.reference ? timeline.find(timeline.reference.checkpoint) : undefined;
  if (entry === undefined) {
    return null;
  }
  const canCompare = commands.isEnabled(CommandIDs.compareWithSelected);
  return (
    <div className="jp-MlmReference">
      <span className="jp-MlmReference-text">
        {trans.__('Compare %1 with…', entry.name ?? `${entry.ordinal} ${titleOf(entry, trans)}`)}
      </span>
      <button
        className="jp-mod-styled"
        disabled={!canCompare}
        title={trans.__('Compare the active checkpoint with the selected one.')}
        onClick={() => void commands.execute(CommandIDs.compareWithSelected)}
      >
        {trans.__('Compare')}
      </button>
      <button
        className="jp-MlmReference-close"
        title={trans.__('Select nothing for compare')}
        aria-label={trans.__('Select nothing for compare')}
        onClick={() => (timeline.reference = null)}
      >
        <closeIcon.react tag="span" />
      </button>
    </div>
  );
}

/** Draw again whenever the timeline changed. */
function useTimeline(timeline: Timeline): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const onChanged = (): void => draw();
    timeline.changed.connect(onChanged);
    draw(); // what changed between the first drawing and now
    return () => void timeline.changed.disconnect(onChanged);
  }, [timeline]);
}
