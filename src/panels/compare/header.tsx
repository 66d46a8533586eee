/**
 * The head of a comparison: the two moments, what differs in counts that jump to it, and whether it is still so.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { formatAgo, formatCheckpoint, formatMoment } from '../../format';
import { restoreIcon } from '../../icons';
import { firstLine } from '../../model/entries';
import type { Checkpoint } from '../../schema';
import { CommandIDs } from '../../tokens';
import { useNow } from '../clock';
import type { CompareModel } from './model';
import type { ISide } from './sides';
import { countsOf, oneLine, type PartName } from './words';

export interface IHeaderProps {
  model: CompareModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Bring a part in sight. */
  jump(part: PartName): void;
}

export function Header(props: IHeaderProps): React.JSX.Element {
  return (
    <UseSignal signal={props.model.changed}>
      {() => (
        <>
          <div className="jp-MlmCompare-sides">
            <Side {...props} side={props.model.base} word={props.trans.__('Base')} />
            <Side {...props} side={props.model.other} word={props.trans.__('Other')} />
          </div>
          <News {...props} />
          <Counts {...props} />
        </>
      )}
    </UseSignal>
  );
}

function Side(props: IHeaderProps & { side: ISide; word: string }): React.JSX.Element {
  const { model, side, word, trans } = props;
  const isNow = model.isNow && side === model.other;
  const { checkpoint } = side;
  return (
    <section className="jp-MlmCompare-side" aria-label={word}>
      <span className="jp-MlmCompare-sideWord">{word}</span>
      {checkpoint && <Moment {...props} checkpoint={checkpoint} />}
      {isNow && (
        <>
          <h2 className="jp-MlmCompare-sideTitle">{trans.__('Now')}</h2>
          <p className="jp-MlmCompare-sideFacts">
            {trans.__('%1, as it is in JupyterLab, and its kernel', model.pair.notebook)}
          </p>
        </>
      )}
    </section>
  );
}

/** What a link opens, as its command is told. */
type Target = { project: string; checkpoint: string } | { project: string; run: string };

function Moment(props: IHeaderProps & { side: ISide; checkpoint: Checkpoint }): React.JSX.Element {
  const { model, side, checkpoint, commands, trans } = props;
  const now = useNow();
  const { detail } = side;
  const { project, are_runs } = model.pair;
  const args = { project, checkpoint: checkpoint.id };
  const source = checkpoint.source?.trim();
  const label = formatCheckpoint(checkpoint);
  const run = (are_runs && detail?.run) || null;
  const facts = [
    checkpoint.name && !run ? `#${checkpoint.ordinal}` : '',
    detail?.run && !run ? trans.__('run %1', detail.run.name) : '',
    detail?.author ?? '',
    checkpoint.notebook ?? ''
  ].filter(Boolean);
  const link = (text: string, title: string, command: string, of: Target): React.JSX.Element => (
    <button
      className="jp-MlmCompare-link"
      title={title}
      onClick={() => void commands.execute(command, of)}
    >
      {text}
    </button>
  );
  const checkpointLink = (text: string): React.JSX.Element =>
    link(text, trans.__('Open this checkpoint'), CommandIDs.openCheckpoint, args);
  return (
    <>
      <h2 className="jp-MlmCompare-sideTitle">
        {run
          ? link(run.name, trans.__('Open this run'), CommandIDs.openRun, { project, run: run.id })
          : checkpointLink(label)}
      </h2>
      {source && (
        <code className="jp-MlmCompare-sideSource" title={source.slice(0, 2000)}>
          {oneLine(firstLine(source))}
        </code>
      )}
      <p className="jp-MlmCompare-sideFacts">
        <time
          dateTime={new Date(checkpoint.created_at).toISOString()}
          title={formatMoment(checkpoint.created_at)}
        >
          {formatAgo(checkpoint.created_at, now, trans)}
        </time>
        {run && <> · {checkpointLink(trans.__('last checkpoint %1', label))}</>}
        {facts.map(fact => ` · ${fact}`)}
      </p>
      {checkpoint.note && <p className="jp-MlmCompare-sideNote">{checkpoint.note}</p>}
      <button
        className="jp-Button jp-mod-styled jp-mod-minimal jp-MlmCompare-restore"
        aria-label={trans.__('Restore %1', label)}
        title={trans.__('Put the kernel back to %1; asks first', label)}
        onClick={() => void commands.execute(CommandIDs.restore, args)}
      >
        <restoreIcon.react tag="span" aria-hidden="true" />
        {trans.__('Restore')}
      </button>
    </>
  );
}

/** What is wrong, or has changed, with the next step. */
function News({ model, commands, trans }: IHeaderProps): React.JSX.Element | null {
  const { failure } = model;
  const again = (label: string): React.JSX.Element => (
    <button className="jp-Button jp-mod-styled" onClick={() => void model.load()}>
      {label}
    </button>
  );
  if (failure) {
    const { notebook } = failure;
    return (
      <div className="jp-MlmCompare-news jp-mod-failed" role="alert">
        <p>{failure.message}</p>
        {notebook ? (
          <button
            className="jp-Button jp-mod-styled"
            onClick={() => void commands.execute('docmanager:open', { path: notebook })}
          >
            {trans.__('Open the notebook')}
          </button>
        ) : (
          again(trans.__('Try again'))
        )}
      </div>
    );
  }
  if (model.isStale) {
    return (
      <div className="jp-MlmCompare-news" role="status">
        <p>{trans.__('What is compared has changed since.')}</p>
        {again(trans.__('Compare again'))}
      </div>
    );
  }
  return null;
}

function Counts({ model, trans, jump }: IHeaderProps): React.JSX.Element {
  if (!model.diff) {
    return (
      <p className="jp-MlmCompare-counts" role="status">
        {model.failure ? '' : trans.__('Comparing…')}
      </p>
    );
  }
  const counts = countsOf(model.diff, trans);
  if (!counts.length) {
    const isPartly = model.isNow && model.basis.by !== 'value';
    return (
      <p className="jp-MlmCompare-counts" role="status">
        {isPartly ? trans.__('The cells are the same.') : trans.__('Nothing differs.')}
      </p>
    );
  }
  return (
    <nav className="jp-MlmCompare-counts" aria-label={trans.__('What differs')}>
      {counts.map(({ part, text }, index) => (
        <React.Fragment key={part}>
          {index > 0 && <span aria-hidden="true"> · </span>}
          <button className="jp-MlmCompare-link" onClick={() => jump(part)}>
            {text}
          </button>
        </React.Fragment>
      ))}
    </nav>
  );
}
