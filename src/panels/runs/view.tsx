/**
 * The view of one run: what it was given, what came out of it, how it went.
 */
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { runningIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { formatAgo, formatMoment, formatNumber, formatSpan } from '../../format';
import { RunSet } from '../../model/runset';
import type { Run, RunDetail } from '../../schema';
import type { IServices } from '../../tokens';
import { useNow } from '../clock';
import { Curves } from './curves';
import { Artifacts, Checkpoints, Children, Params, Tags } from './parts';
import { durationOf } from './rows';
import { Status } from './status';
import { openRunSet, Waiting } from './viewer';

export function openRunView(
  services: IServices,
  project: string,
  run: string,
  notebook: string | null
): MainAreaWidget {
  const set = new RunSet(services.client, services.projects, project, [run]);
  return openRunSet(
    services,
    set,
    notebook,
    runningIcon,
    () => <RunView services={services} set={set} />,
    () => set.runs[0].name
  );
}

function RunView({ services, set }: { services: IServices; set: RunSet }): React.JSX.Element {
  const detail = set.details[0];
  if (!detail) {
    return <Waiting set={set} services={services} />;
  }
  const { trans } = services;
  const { run } = detail;
  return (
    <article className="jp-MlmRunView-page" aria-label={trans.__('The run %1', run.name)}>
      <Heading detail={detail} services={services} />
      {set.failures.size > 0 && <Waiting set={set} services={services} />}
      <div className="jp-MlmRunView-columns">
        <LastValues run={run} services={services} />
        <Params detail={detail} services={services} />
        <Tags detail={detail} services={services} set={set} />
      </div>
      <Curves runs={[run]} labels={[run.name]} set={set} services={services} />
      <div className="jp-MlmRunView-columns">
        <Artifacts detail={detail} services={services} project={set.project} />
        <Children detail={detail} services={services} project={set.project} />
        <Checkpoints run={run} services={services} project={set.project} />
      </div>
    </article>
  );
}

function Heading({
  detail,
  services
}: {
  detail: RunDetail;
  services: IServices;
}): React.JSX.Element {
  const { run, session } = detail;
  const { trans } = services;
  const now = useNow(run.status === 'running');
  const duration = durationOf(run, now);
  return (
    <header className="jp-MlmRunView-header">
      <h1>{run.name}</h1>
      <Status status={run.status} trans={trans} />
      <span title={formatMoment(run.started_at)}>
        {trans.__('started %1', formatAgo(run.started_at, now, trans))}
      </span>
      {duration !== null && <span>{trans.__('took %1', formatSpan(duration, trans))}</span>}
      <span>{trans.__('experiment %1', run.experiment)}</span>
      {run.notebook && <span>{trans.__('notebook %1', run.notebook)}</span>}
      {session.author && <span>{trans.__('by %1 on %2', session.author, session.host)}</span>}
      <code className="jp-MlmRunView-id" title={trans.__('The id of the run')}>
        {run.id}
      </code>
    </header>
  );
}

function LastValues({ run, services }: { run: Run; services: IServices }): React.JSX.Element {
  const { trans } = services;
  const metrics = Object.entries(run.metrics).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <section aria-label={trans.__('Metrics')}>
      <h2>{trans.__('Metrics')}</h2>
      {metrics.length === 0 ? (
        <p className="jp-MlmRunView-none">{trans.__('No metrics were logged.')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Metric')}</th>
              <th scope="col">{trans.__('Last value')}</th>
            </tr>
          </thead>
          <tbody>
            {metrics.map(([key, value]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td className="jp-mod-number">{formatNumber(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
