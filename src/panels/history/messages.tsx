/**
 * What stands where there is nothing to list: why, and what to do about it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  Button,
  clearIcon,
  copyIcon,
  LabIcon,
  refreshIcon,
  runIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { isTracking } from '../../model/front';
import type { Timeline } from '../../model/timeline';
import { CommandIDs, INSTALL } from '../../tokens';

const TRACK = '%load_ext mlm_jupyter\n%mlm_track';

interface IMessageProps {
  timeline: Timeline;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** Tell whether there are entries to list. */
export function hasList({ entries, front }: Timeline): boolean {
  return front.panel !== null && entries.length > 0;
}

/** What to show instead of the list. */
export function Message(props: IMessageProps): React.JSX.Element {
  const { timeline, trans } = props;
  const { front, history } = timeline;
  if (front.panel === null) {
    return <Notice text={trans.__('Open a notebook to see what its cells did.')} />;
  }
  if (front.failure ?? history?.failure) {
    return <></>; // told above
  }
  if (front.isLooking || (history !== null && !history.isReady)) {
    return <Notice isWaiting text={trans.__('Looking for the history of this notebook…')} />;
  }
  if (timeline.typed !== '') {
    return (
      <Notice text={trans.__('No checkpoint fits the filter.')}>
        <Action
          icon={clearIcon}
          label={trans.__('Clear the filter')}
          run={() => (timeline.typed = '')}
        />
      </Notice>
    );
  }
  return <NoHistory {...props} />;
}

/** Why the last request failed, over whatever is shown. */
export function Failure({ timeline, commands, trans }: IMessageProps): React.JSX.Element | null {
  const failure = timeline.front.failure ?? timeline.history?.failure;
  if (!failure || timeline.front.panel === null) {
    return null;
  }
  return (
    <div className="jp-MlmFailure" role="alert">
      <span>{failure.message}</span>
      <Action
        icon={refreshIcon}
        label={trans.__('Try again')}
        run={() => void commands.execute(CommandIDs.refresh)}
      />
    </div>
  );
}

/** The notebook was renamed while no kernel tracked it, and what is listed goes by the old name; one that tracks follows. */
export function Former({ timeline, commands, trans }: IMessageProps): React.JSX.Element | null {
  const { project, kernel } = timeline.front;
  if (!project?.is_former || isTracking(kernel)) {
    return null;
  }
  return (
    <Notice
      text={trans.__(
        'The history of this notebook goes by its old name, %1. Start tracking, and it goes along.',
        project.notebook ?? ''
      )}
    >
      <StartTracking commands={commands} trans={trans} />
    </Notice>
  );
}

/** No checkpoint yet: what to do depends on the kernel. */
function NoHistory({ timeline, commands, trans }: IMessageProps): React.JSX.Element {
  const copy = (text: string, label: string): React.JSX.Element => (
    <Action
      icon={copyIcon}
      label={label}
      run={() => void commands.execute(CommandIDs.copy, { text })}
    />
  );
  switch (timeline.front.kernel) {
    case 'without-package':
      return (
        <Notice
          text={trans.__(
            'The kernel of this notebook has no mlm_jupyter. Run this line in a cell, then restart the kernel:'
          )}
        >
          <code>{INSTALL}</code>
          {copy(INSTALL, trans.__('Copy the line'))}
        </Notice>
      );
    case 'other-language':
      return (
        <Notice
          text={trans.__(
            'The history is kept for notebooks with a Python kernel; this one has another.'
          )}
        />
      );
    case 'tracking':
    case 'paused':
    case 'manual':
      return (
        <Notice
          text={
            timeline.front.kernel === 'tracking'
              ? trans.__('This notebook is tracked. Run a cell, and it will be here.')
              : trans.__('Cells are not recorded now: resume, or make a checkpoint by hand.')
          }
        />
      );
    default:
      return (
        <Notice
          text={trans.__(
            'Nothing is remembered of this notebook yet. Start tracking, and every cell you run is kept here, with what it changed:'
          )}
        >
          <code>{TRACK}</code>
          <StartTracking commands={commands} trans={trans} />
          {copy(TRACK, trans.__('Copy the lines'))}
        </Notice>
      );
  }
}

function StartTracking({
  commands,
  trans
}: Omit<IMessageProps, 'timeline'>): React.JSX.Element | null {
  return commands.isEnabled(CommandIDs.track) ? (
    <Action
      icon={runIcon}
      label={trans.__('Start tracking')}
      isMain
      run={() => void commands.execute(CommandIDs.track)}
    />
  ) : null;
}

interface INoticeProps {
  text: string;
  isWaiting?: boolean;
  children?: React.ReactNode;
}

function Notice({ text, isWaiting, children }: INoticeProps): React.JSX.Element {
  return (
    <div className="jp-MlmNotice" data-waiting={isWaiting} role="status">
      <p>{text}</p>
      {children}
    </div>
  );
}

interface IActionProps {
  icon: LabIcon;
  label: string;
  isMain?: boolean;
  run(): void;
}

function Action({ icon, label, isMain, run }: IActionProps): React.JSX.Element {
  return (
    <Button className={isMain ? 'jp-mod-styled jp-mod-accept' : 'jp-mod-styled'} onClick={run}>
      <icon.react tag="span" />
      {label}
    </Button>
  );
}
