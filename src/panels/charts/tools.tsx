/**
 * How all charts of a view are shown: over which axis, how smooth, on which scale, or as tables.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Axis } from './series';

export interface IChartSettings {
  axis: Axis;
  isLog: boolean;
  /** Of the moving average: 0 is none, below 1. */
  smoothing: number;
  isTable: boolean;
}

export const FIRST_SETTINGS: IChartSettings = {
  axis: 'step',
  isLog: false,
  smoothing: 0,
  isTable: false
};

export function ChartTools(props: {
  settings: IChartSettings;
  onChange(change: Partial<IChartSettings>): void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { settings, onChange, trans } = props;
  return (
    <div className="jp-MlmCharts-tools" role="group" aria-label={trans.__('How curves are shown')}>
      <label>
        {trans.__('Axis')}
        <select
          className="jp-mod-styled"
          value={settings.axis}
          onChange={event => onChange({ axis: event.target.value as Axis })}
        >
          <option value="step">{trans.__('step')}</option>
          <option value="relative">{trans.__('time since the start')}</option>
          <option value="time">{trans.__('time of day')}</option>
        </select>
      </label>
      <label
        title={trans.__(
          'An exponential moving average, freed of its bias as TensorBoard does; the values as logged stay faintly behind.'
        )}
      >
        {trans.__('Smoothing')}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={settings.smoothing}
          onChange={event => onChange({ smoothing: Number(event.target.value) })}
        />
        <output>{settings.smoothing.toFixed(2)}</output>
      </label>
      <label>
        <input
          type="checkbox"
          checked={settings.isLog}
          onChange={event => onChange({ isLog: event.target.checked })}
        />
        {trans.__('Log scale')}
      </label>
      <label>
        <input
          type="checkbox"
          checked={settings.isTable}
          onChange={event => onChange({ isTable: event.target.checked })}
        />
        {trans.__('As tables')}
      </label>
    </div>
  );
}
