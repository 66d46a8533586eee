/**
 * Up to eight runs beside each other: what differs, their curves over each other, and their metrics against their params.
 */
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { tableRowsIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { MOST_COMPARED } from '../../model/runs';
import { RunSet } from '../../model/runset';
import type { Run } from '../../schema';
import type { IServices } from '../../tokens';
import { RunPictures } from '../charts/pictures';
import { Curves } from './curves';
import { ComparisonTable } from './table';
import { openRunSet, Waiting } from './viewer';

export function openComparison(
  services: IServices,
  project: string,
  runs: readonly string[],
  notebook: string | null
): MainAreaWidget {
  const ids = runs.slice(0, MOST_COMPARED);
  const set = new RunSet(services.client, services.projects, project, ids);
  return openRunSet(
    services,
    set,
    notebook,
    tableRowsIcon,
    () => <Comparison services={services} set={set} />,
    () => services.trans._n('One run', '%1 runs', set.runs.length)
  );
}

function Comparison({ services, set }: { services: IServices; set: RunSet }): React.JSX.Element {
  const { trans } = services;
  const runs = set.runs;
  if (runs.length === 0) {
    return <Waiting set={set} services={services} />;
  }
  const labels = labelsOf(runs);
  return (
    <article className="jp-MlmRunView-page" aria-label={trans.__('Runs compared')}>
      {set.failures.size > 0 && <Waiting set={set} services={services} />}
      <ComparisonTable runs={runs} project={set.project} services={services} />
      <Curves runs={runs} labels={labels} set={set} services={services} />
      <RunPictures runs={runs} labels={labels} themes={services.themes} trans={trans} />
    </article>
  );
}

/** What runs are called where names may be the same: with the start of the id where they are. */
function labelsOf(runs: readonly Run[]): string[] {
  return runs.map(run => {
    const isUnique = runs.every(other => other === run || other.name !== run.name);
    return isUnique ? run.name : `${run.name} (${run.id.slice(-6)})`;
  });
}
