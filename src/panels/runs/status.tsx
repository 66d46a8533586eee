/**
 * How the status of a run looks: an icon and a word, never colour alone.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  closeIcon,
  type LabIcon,
  refreshIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunStatus } from '../../schema';

const ICONS: { [status in RunStatus]: LabIcon } = {
  running: refreshIcon,
  finished: checkIcon,
  failed: closeIcon,
  killed: stopIcon
};

export function statusText(status: RunStatus, trans: TranslationBundle): string {
  switch (status) {
    case 'running':
      return trans.__('Running');
    case 'finished':
      return trans.__('Finished');
    case 'failed':
      return trans.__('Failed');
    case 'killed':
      return trans.__('Killed');
  }
}

/** The icon, with the word beside it, or (where there is no room) only read out and in the tooltip. */
export function Status(props: {
  status: RunStatus;
  trans: TranslationBundle;
  isShort?: boolean;
}): React.JSX.Element {
  const Icon = ICONS[props.status].react;
  const text = statusText(props.status, props.trans);
  return (
    <span className={`jp-MlmRunStatus jp-mod-${props.status}`} title={text}>
      <Icon tag="span" aria-hidden="true" />
      <span className={props.isShort ? 'jp-MlmUnseen' : undefined}>{text}</span>
    </span>
  );
}
