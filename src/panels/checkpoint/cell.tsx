/**
 * The cell that made a checkpoint: its source, what it showed, the names it used, the metrics it logged.
 */
import { notTrustedIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatNumber, formatSize } from '../../format';
import type { CheckpointDetail } from '../../schema';
import type { IServices } from '../../tokens';
import { canBeTrusted, hasWidgets, readOutputs } from './document';
import { Outputs, PYTHON_CELL, Source } from './hosts';
import { withStandIns } from './widgets';

interface ICellProps {
  project: string;
  detail: CheckpointDetail;
  services: IServices;
}

export function CellPanel({ project, detail, services }: ICellProps): React.JSX.Element {
  const { trans } = services;
  const { checkpoint, execution } = detail;
  const source = execution?.source ?? checkpoint.source;
  return (
    <>
      {source === null ? (
        <p>{trans.__('No cell made this checkpoint. The other tabs show what there was.')}</p>
      ) : (
        <Source
          services={services}
          source={source}
          mimeType={PYTHON_CELL}
          label={trans.__('The source of the cell')}
        />
      )}
      <Shown project={project} detail={detail} services={services} />
      <Names title={trans.__('Names read')} names={execution?.reads ?? []} />
      <Names title={trans.__('Names written')} names={execution?.writes ?? []} />
      <Metrics metrics={checkpoint.metrics} trans={trans} />
    </>
  );
}

/** The outputs, the error's traceback among them; as trusted ones only for this view, and only when somebody said so. */
function Shown({ project, detail, services }: ICellProps): React.JSX.Element | null {
  const { trans, rendermime, client } = services;
  const [isTrusted, setTrusted] = React.useState(false);
  const { widgets } = detail;
  const stored = React.useMemo(() => shownOutputs(detail), [detail.outputs, detail.execution]);
  const outputs = React.useMemo(() => withStandIns(stored, widgets), [stored]);
  const drawn = React.useMemo(() => readOutputs(outputs), [outputs]);
  if (stored.length === 0) {
    return null;
  }
  return (
    <section className="jp-MlmCheckpoint-outputs" aria-label={trans.__('Outputs')}>
      <Outputs rendermime={rendermime} outputs={drawn} isTrusted={isTrusted} trans={trans} />
      {!isTrusted && canBeTrusted(outputs) && (
        <p className="jp-MlmCheckpoint-notice">
          <notTrustedIcon.react tag="span" elementSize="normal" aria-hidden />
          {trans.__('Outputs are shown without what could run in your browser.')}{' '}
          <button type="button" className="jp-mod-styled" onClick={() => setTrusted(true)}>
            {trans.__('Trust outputs')}
          </button>
        </p>
      )}
      {hasWidgets(stored) && (
        <p className="jp-MlmCheckpoint-notice">
          {widgets
            ? trans.__(
                'Widgets are shown as they stood, in words. To see them drawn, open the checkpoint as a notebook and trust it; to use them, run their cell again.'
              )
            : trans.__(
                'The state of the widgets was not kept: they are shown by the text they began with.'
              )}
        </p>
      )}
      {detail.left_out.map(({ what, blob, size_bytes }) => (
        <p key={blob} className="jp-MlmCheckpoint-notice">
          <a
            className="jp-MlmCheckpoint-link"
            href={client.blobUrl(project, blob, detail.checkpoint.id)}
            download
          >
            {what === 'outputs'
              ? trans.__('Download the outputs (%1)', formatSize(size_bytes))
              : trans.__('Download the state of the widgets (%1)', formatSize(size_bytes))}
          </a>
        </p>
      ))}
    </section>
  );
}

/** An error that is not among the outputs is shown all the same. */
function shownOutputs({ outputs, execution }: CheckpointDetail): CheckpointDetail['outputs'] {
  const error = execution?.error;
  if (!error || outputs.some(output => output.output_type === 'error')) {
    return outputs;
  }
  const { name, value, traceback } = error;
  return [...outputs, { output_type: 'error', ename: name, evalue: value, traceback }];
}

function Names(props: { title: string; names: readonly string[] }): React.JSX.Element | null {
  if (props.names.length === 0) {
    return null;
  }
  return (
    <section className="jp-MlmCheckpoint-names">
      <h3 className="jp-MlmCheckpoint-title">{props.title}</h3>
      <ul>
        {props.names.map(name => (
          <li key={name}>
            <code>{name}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Metrics(props: {
  metrics: { [key: string]: number | null };
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const entries = Object.entries(props.metrics);
  if (entries.length === 0) {
    return null;
  }
  return (
    <section>
      <h3 className="jp-MlmCheckpoint-title">{props.trans.__('Metrics logged by this cell')}</h3>
      <table className="jp-MlmCheckpoint-table">
        <tbody>
          {entries.map(([key, value]) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td>{formatNumber(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
