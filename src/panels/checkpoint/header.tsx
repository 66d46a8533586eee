/**
 * What a checkpoint is, at a glance: its name or number, how it ended, when and by whom it was made, and where it belongs.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  checkIcon,
  closeIcon,
  historyIcon,
  type LabIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatAgo, formatCheckpoint, formatMoment, formatSpan } from '../../format';
import type { CheckpointKind, ExecutionStatus } from '../../schema';
import { CommandIDs, type IServices } from '../../tokens';
import { useNow } from '../clock';
import type { CheckpointModel } from './model';

interface IHeaderProps {
  model: CheckpointModel;
  services: IServices;
}

export function Header({ model, services }: IHeaderProps): React.JSX.Element | null {
  const { trans } = services;
  const now = useNow();
  const detail = model.detail.value;
  if (!detail) {
    return null;
  }
  const { author, checkpoint, session, run } = detail;
  return (
    <header className="jp-MlmCheckpoint-header">
      <h2>
        {formatCheckpoint(checkpoint)}
        {checkpoint.name && <span className="jp-MlmCheckpoint-ordinal">#{checkpoint.ordinal}</span>}
      </h2>
      <ul className="jp-MlmCheckpoint-facts">
        <li>
          {checkpoint.status ? (
            <Status status={checkpoint.status} trans={trans} />
          ) : (
            kindText(checkpoint.kind, trans)
          )}
        </li>
        {checkpoint.status && checkpoint.kind !== 'cell' && (
          <li>{kindText(checkpoint.kind, trans)}</li>
        )}
        <li>
          <time
            dateTime={new Date(checkpoint.created_at).toISOString()}
            title={formatMoment(checkpoint.created_at)}
          >
            {formatAgo(checkpoint.created_at, now, trans)}
          </time>
        </li>
        {checkpoint.duration_ms !== null && (
          <li>{trans.__('took %1', formatSpan(checkpoint.duration_ms, trans))}</li>
        )}
        <li title={trans.__('The author and the computer')}>
          {author ? trans.__('%1 on %2', author, session.host) : trans.__('on %1', session.host)}
        </li>
        {checkpoint.notebook && <li>{checkpoint.notebook}</li>}
        {checkpoint.run_id && (
          <li>
            <span>{trans.__('run')}</span>
            <CommandLink
              services={services}
              command={CommandIDs.openRun}
              args={{ project: model.project, run: checkpoint.run_id }}
            >
              {run?.name ?? checkpoint.run_id}
            </CommandLink>
          </li>
        )}
        {checkpoint.parent_id && (
          <li>
            <span>{trans.__('after')}</span>
            <CommandLink
              services={services}
              command={CommandIDs.openCheckpoint}
              args={{ project: model.project, checkpoint: checkpoint.parent_id }}
            >
              {model.parent ? formatCheckpoint(model.parent) : trans.__('its parent')}
            </CommandLink>
          </li>
        )}
      </ul>
      {checkpoint.note && <p className="jp-MlmCheckpoint-note">{checkpoint.note}</p>}
      {checkpoint.is_dropped && (
        <p className="jp-MlmCheckpoint-notice">
          {trans.__(
            'The values of its variables are no longer kept: it cannot be restored. Give a checkpoint a name to keep its values.'
          )}
        </p>
      )}
    </header>
  );
}

interface ICommandLinkProps {
  services: Pick<IServices, 'commands'>;
  command: string;
  args: { [key: string]: string };
  children: React.ReactNode;
}

/** Runs a command where there is one; plain text where there is none. */
function CommandLink(props: ICommandLinkProps): React.JSX.Element {
  const { commands } = props.services;
  if (!commands.hasCommand(props.command)) {
    return <>{props.children}</>;
  }
  return (
    <button
      type="button"
      className="jp-MlmCheckpoint-link"
      onClick={() => void commands.execute(props.command, props.args)}
    >
      {props.children}
    </button>
  );
}

const ICONS: { [status in ExecutionStatus]: LabIcon } = {
  ok: checkIcon,
  error: closeIcon,
  interrupted: stopIcon
};

function Status(props: { status: ExecutionStatus; trans: TranslationBundle }): React.JSX.Element {
  const Icon = (ICONS[props.status] ?? historyIcon).react;
  return (
    <span className={`jp-MlmCheckpoint-status jp-mod-${props.status}`}>
      <Icon tag="span" elementSize="normal" aria-hidden />
      {statusText(props.status, props.trans)}
    </span>
  );
}

function statusText(status: ExecutionStatus, trans: TranslationBundle): string {
  switch (status) {
    case 'ok':
      return trans.__('Finished');
    case 'error':
      return trans.__('Failed');
    case 'interrupted':
      return trans.__('Interrupted');
  }
}

function kindText(kind: CheckpointKind, trans: TranslationBundle): string {
  switch (kind) {
    case 'baseline':
      return trans.__('Made when tracking started');
    case 'cell':
      return trans.__('Made by a cell');
    case 'manual':
      return trans.__('Made on demand');
    case 'save':
      return trans.__('Saved before a restore');
  }
}
