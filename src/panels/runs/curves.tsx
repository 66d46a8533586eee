/**
 * The metrics of runs as curves over each other, with all points of what is zoomed into.
 */
import * as React from 'react';

import type { RunSet } from '../../model/runset';
import type { Metric, Run } from '../../schema';
import type { IServices } from '../../tokens';
import { type ISeries, MetricCharts, toSeries } from '../charts';

interface ICurvesProps {
  runs: readonly Run[];
  /** What each run is called; unique. */
  labels: readonly string[];
  set: RunSet;
  services: IServices;
}

export function Curves({ runs, labels, set, services }: ICurvesProps): React.JSX.Element | null {
  const { themes, trans } = services;
  const points = runs.map(run => set.points(run));
  const seriesOf = (of: readonly (readonly Metric[])[]): ISeries[] =>
    runs.flatMap((run, index) => toSeries(run.id, labels[index], of[index], run.started_at));
  const series = React.useMemo(() => seriesOf(points), [...points, ...labels]);
  if (series.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Curves')}>
      <h2>{trans.__('Curves')}</h2>
      <MetricCharts
        series={series}
        themes={themes}
        trans={trans}
        onZoom={(key, share) => void set.refine(key, share)}
        loadAll={async key => seriesOf(await Promise.all(runs.map(run => set.all(run, key))))}
      />
    </section>
  );
}
