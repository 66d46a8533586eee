/**
 * The metrics of two runs as curves over each other; the charts are loaded when there is something to draw.
 */
import * as React from 'react';

import type { Run } from '../../schema';
import type { IServices } from '../../tokens';
import { type ISeries, toSeries } from '../charts/series';
import { Lazy } from '../lazy';
import type { CompareModel } from './model';

/** Points of each curve that are asked for. */
const POINTS = 2000;

const MetricCharts = React.lazy(async () => ({
  default: (await import('../charts')).MetricCharts
}));

interface IProps {
  model: CompareModel;
  services: IServices;
}

/** Curves of the metrics that differ, or of all, where the two sides are of two runs. */
export function Curves({ model, services }: IProps): React.JSX.Element | null {
  const base = model.base.detail?.run;
  const other = model.other.detail?.run;
  if (!base || !other || base.id === other.id) {
    return null;
  }
  return <RunCurves model={model} services={services} runs={[base, other]} />;
}

function RunCurves(props: IProps & { runs: readonly Run[] }): React.JSX.Element | null {
  const { model, services, runs } = props;
  const [series, setSeries] = React.useState<readonly ISeries[]>([]);
  const [failure, setFailure] = React.useState<string | null>(null);
  const key = [...runs.map(run => run.id), model.diff?.base, model.diff?.other].join();
  React.useEffect(() => {
    let isWanted = true;
    const load = async (run: Run): Promise<ISeries[]> => {
      const { items } = await services.client.metrics(
        model.pair.project,
        run.id,
        undefined,
        POINTS
      );
      return toSeries(run.id, run.name, items, run.started_at);
    };
    Promise.all(runs.map(load)).then(
      loaded => {
        if (isWanted) {
          setSeries(loaded.flat());
          setFailure(null);
        }
      },
      (error: Error) => isWanted && setFailure(error.message)
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  const { diff, onlyChanges } = model;
  const shown = React.useMemo(() => {
    const differing = new Set((diff?.metrics ?? []).map(change => change.name));
    return onlyChanges ? series.filter(one => differing.has(one.key)) : series;
  }, [series, diff, onlyChanges]);
  if (failure) {
    return <p className="jp-MlmCompare-note">{failure}</p>;
  }
  if (!shown.some(one => one.points.length > 1)) {
    return null;
  }
  const { themes, trans } = services;
  return (
    <Lazy trans={trans} waiting={<p>{trans.__('Loading the charts…')}</p>}>
      <MetricCharts series={shown} themes={themes} trans={trans} />
    </Lazy>
  );
}
