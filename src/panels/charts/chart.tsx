/**
 * One metric: its curves, their names with the values under the cursor, its table, its files.
 */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type uPlot from 'uplot';

import { formatNumber } from '../../format';
import { Lazy } from '../lazy';
import { Drawing } from './drawing';
import { PointTable } from './pointTable';
import { save, toPng } from './save';
import { align, type Aligned, type Axis, type ISeries, possibleAxis, valuesOf } from './series';
import { smooth } from './smoothing';
import { describe, toCsv } from './summary';
import { DASHES, type IChartTheme } from './theme';
import type { IChartSettings } from './tools';

interface IChartProps {
  title: string;
  series: readonly ISeries[];
  /** Which colour and dashes each series has. */
  looks: readonly number[];
  hidden: ReadonlySet<string>;
  onToggle(id: string): void;
  settings: IChartSettings;
  theme: IChartTheme;
  group: string;
  trans: TranslationBundle;
  onZoom?(key: string, share: number): void;
  loadAll?(key: string): Promise<readonly ISeries[]>;
}

type Rows = readonly (number | null | undefined)[];

export function Chart(props: IChartProps): React.JSX.Element {
  const { title, hidden, settings, theme, trans } = props;
  const isShown = props.series.map(one => !hidden.has(one.id));
  const series = React.useMemo(
    () => props.series.filter((_, index) => isShown[index]),
    [props.series, hidden]
  );
  const looks = props.looks.filter((_, index) => isShown[index]);
  const axis = possibleAxis(series, settings.axis);
  const { isLog, smoothing } = settings;
  const data = React.useMemo(() => drawn(series, axis, smoothing), [series, axis, smoothing]);
  const [rows, setRows] = React.useState<Rows | null>(null);
  const drawing = React.useRef<uPlot | null>(null);
  const makeCsv = async (): Promise<Blob> => {
    const all = (await props.loadAll?.(title)) ?? props.series;
    return new Blob([toCsv(all)], { type: 'text/csv' });
  };
  const keep = (made: Promise<Blob>, ending: string): void =>
    void made.then(
      file => save(file, `${title}.${ending}`),
      (error: Error) => Notification.error(error.message, { autoClose: false })
    );
  return (
    <figure className="jp-MlmChart">
      <figcaption>
        <span className="jp-MlmChart-title" title={title}>
          {title}
        </span>
        {axis !== settings.axis && (
          <span
            className="jp-MlmCharts-note"
            title={trans.__('Not all values were logged with a step.')}
          >
            {trans.__('over time')}
          </span>
        )}
        <span className="jp-MlmChart-buttons">
          {!settings.isTable && (
            <button
              className="jp-Button jp-mod-minimal"
              aria-label={trans.__('Save the chart of %1 as a picture (PNG)', title)}
              onClick={() =>
                drawing.current &&
                keep(toPng(drawing.current, title, legend(series, looks), theme, trans), 'png')
              }
            >
              <downloadIcon.react tag="span" />
              PNG
            </button>
          )}
          <button
            className="jp-Button jp-mod-minimal"
            aria-label={trans.__('Save all values of %1 as a table (CSV)', title)}
            onClick={() => keep(makeCsv(), 'csv')}
          >
            <downloadIcon.react tag="span" />
            CSV
          </button>
        </span>
      </figcaption>
      {settings.isTable ? (
        <PointTable title={title} series={series} axis={axis} trans={trans} />
      ) : (
        <Lazy trans={trans}>
          <Drawing
            label={describe(title, series, trans)}
            data={data}
            looks={smoothing > 0 ? [...looks, ...looks] : looks}
            hasRaw={smoothing > 0}
            axis={axis}
            isLog={isLog}
            theme={theme}
            trans={trans}
            group={props.group}
            drawing={drawing}
            onCursor={setRows}
            onZoom={share => props.onZoom?.(title, share)}
          />
        </Lazy>
      )}
      <ul className="jp-MlmChart-legend" aria-label={trans.__('Curves of %1', title)}>
        {props.series.map((one, index) => (
          <li key={one.id}>
            <button
              className="jp-MlmChart-entry"
              aria-pressed={isShown[index]}
              title={trans.__('Show or hide %1', one.label)}
              onClick={() => props.onToggle(one.id)}
            >
              <Swatch look={props.looks[index]} theme={theme} />
              <span className="jp-MlmChart-name">{one.label}</span>
              <span className="jp-MlmChart-value">
                {valueAt(one, series, rows, data, smoothing > 0)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** The curves as they are drawn: where they are smoothed, first as logged, then smoothed. */
function drawn(series: readonly ISeries[], axis: Axis, weight: number): Aligned {
  const raw = series.map(valuesOf);
  if (weight <= 0) {
    return align(series, axis, raw);
  }
  const smoothed = raw.map(values => smooth(values, weight));
  return align([...series, ...series], axis, [...raw, ...smoothed]);
}

/** The value under the cursor, else the last one. */
function valueAt(
  one: ISeries,
  shown: readonly ISeries[],
  rows: Rows | null,
  data: Aligned,
  isSmoothed: boolean
): string {
  const index = shown.indexOf(one);
  if (index < 0) {
    return '';
  }
  const row = rows?.[index];
  if (typeof row !== 'number') {
    return one.points.length ? formatNumber(one.points[one.points.length - 1].value) : '';
  }
  const value = (data[index + 1][row] as number | null | undefined) ?? null;
  const average = isSmoothed ? data[index + 1 + shown.length][row] : null;
  return typeof average === 'number'
    ? `${formatNumber(value)} (${formatNumber(average)})`
    : formatNumber(value);
}

function legend(
  series: readonly ISeries[],
  looks: readonly number[]
): { label: string; look: number }[] {
  return series.map((one, index) => ({ label: one.label, look: looks[index] }));
}

function Swatch({ look, theme }: { look: number; theme: IChartTheme }): React.JSX.Element {
  return (
    <svg className="jp-MlmChart-swatch" width="28" height="8" aria-hidden="true">
      <line
        x1="0"
        y1="4"
        x2="28"
        y2="4"
        stroke={theme.curves[look % theme.curves.length]}
        strokeWidth="2"
        strokeDasharray={DASHES[look % DASHES.length].join(' ')}
      />
    </svg>
  );
}
