/**
 * Curves of metrics, of one run or of several over each other: a chart for each metric, all shown the same way.
 */
import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Chart } from './chart';
import { byKey, type ISeries } from './series';
import { useTheme } from './theme';
import { ChartTools, FIRST_SETTINGS, type IChartSettings } from './tools';
import '../../../src/style/charts.css';

export { type ISeries, toSeries } from './series';

interface IMetricChartsProps {
  /** In any order; those of one `id` belong together and look the same. New points are drawn as they come. */
  series: readonly ISeries[];
  themes: IThemeManager | null;
  trans: TranslationBundle;
  /** A share of the x axis (0 to 1) came in sight: the chart could use that many more points of this metric. */
  onZoom?(key: string, share: number): void;
  /** Every point of a metric, for the file; those drawn if not given. */
  loadAll?(key: string): Promise<readonly ISeries[]>;
}

export function MetricCharts(props: IMetricChartsProps): React.JSX.Element {
  const { series, themes, trans } = props;
  const theme = useTheme(themes);
  const group = React.useId();
  const [settings, setSettings] = React.useState<IChartSettings>(FIRST_SETTINGS);
  const [hidden, setHidden] = React.useState<ReadonlySet<string>>(new Set());
  const ids = React.useMemo(() => [...new Set(series.map(one => one.id))], [series]);
  const groups = React.useMemo(() => byKey(series), [series]);
  const curves = [...groups].filter(([, group]) => group.some(one => one.points.length > 1));
  const single = [...groups.keys()].filter(key => !curves.some(([other]) => other === key));
  const toggle = (id: string): void =>
    setHidden(before => {
      const after = new Set(before);
      return after.delete(id) ? after : after.add(id);
    });
  return (
    <div className="jp-MlmCharts">
      {curves.length > 0 && (
        <ChartTools
          settings={settings}
          onChange={change => setSettings(before => ({ ...before, ...change }))}
          trans={trans}
        />
      )}
      <div className="jp-MlmCharts-grid">
        {curves.map(([key, group_]) => (
          <Chart
            key={key}
            title={key}
            series={group_}
            looks={group_.map(one => ids.indexOf(one.id))}
            hidden={hidden}
            onToggle={toggle}
            settings={settings}
            theme={theme}
            group={group}
            trans={trans}
            onZoom={props.onZoom}
            loadAll={props.loadAll}
          />
        ))}
      </div>
      {single.length > 0 && (
        <p className="jp-MlmCharts-note">
          {trans._n(
            'No curve for %2: it has one value.',
            'No curves for %2: they have one value each.',
            single.length,
            single.join(', ')
          )}
        </p>
      )}
    </div>
  );
}
