/**
 * Runs as pictures: scatter, bars, parallel coordinates. Drawn by the Vega that JupyterLab brings, where it brings one.
 */
import type { IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type Embed from 'vega-embed';
import type { Result } from 'vega-embed';

import type { Run } from '../../schema';
import { save } from './save';
import {
  bar,
  configOf,
  fieldsOf,
  type IField,
  parallel,
  type PictureKind,
  scatter,
  type Spec
} from './specs';
import { type IChartTheme, useTheme } from './theme';
import '../../../src/style/charts.css';

interface IRunPicturesProps {
  runs: readonly Run[];
  /** What each run is called; unique. */
  labels: readonly string[];
  themes: IThemeManager | null;
  trans: TranslationBundle;
}

/** More axes than these beside each other cannot be read. */
const MOST_AXES = 10;

export function RunPictures(props: IRunPicturesProps): React.JSX.Element | null {
  const { runs, labels, trans } = props;
  const theme = useTheme(props.themes);
  const fields = React.useMemo(() => fieldsOf(runs), [runs]);
  const metrics = fields.filter(field => field.kind === 'metrics');
  const [kind, setKind] = React.useState<PictureKind>('scatter');
  const [xName, setX] = React.useState<string | null>(null);
  const [yName, setY] = React.useState<string | null>(null);
  const y = fields.find(field => field.name === yName) ?? metrics[0];
  const x =
    fields.find(field => field.name === xName) ??
    differing(fields, runs).find(field => field !== y) ??
    fields.find(field => field !== y);
  const spec = React.useMemo(
    () => specOf(kind, runs, labels, fields, x, y, trans),
    [kind, runs, labels, fields, x, y]
  );
  if (metrics.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Runs as a picture')}>
      <h2>{trans.__('Runs as a picture')}</h2>
      <div className="jp-MlmCharts-tools" role="group" aria-label={trans.__('What is drawn')}>
        <label>
          {trans.__('Picture')}
          <select
            className="jp-mod-styled"
            value={kind}
            onChange={event => setKind(event.target.value as PictureKind)}
          >
            <option value="scatter">{trans.__('scatter')}</option>
            <option value="bar">{trans.__('bars')}</option>
            <option value="parallel">{trans.__('parallel coordinates')}</option>
          </select>
        </label>
        {kind === 'scatter' && (
          <FieldBox label={trans.__('Across')} fields={fields} field={x} onChange={setX} />
        )}
        {kind !== 'parallel' && (
          <FieldBox
            label={kind === 'bar' ? trans.__('Of') : trans.__('Up')}
            fields={kind === 'bar' ? fields.filter(field => field.isNumber) : fields}
            field={y}
            onChange={setY}
          />
        )}
      </div>
      {spec ? (
        <Picture
          spec={spec}
          name={kind}
          label={labelOf(kind, labels, x, y, trans)}
          theme={theme}
          trans={trans}
        />
      ) : (
        <p className="jp-MlmCharts-note">{trans.__('A scatter needs two metrics or params.')}</p>
      )}
    </section>
  );
}

function specOf(
  kind: PictureKind,
  runs: readonly Run[],
  labels: readonly string[],
  fields: readonly IField[],
  x: IField | undefined,
  y: IField | undefined,
  trans: TranslationBundle
): Spec | null {
  switch (kind) {
    case 'bar':
      return y ? bar(runs, labels, y) : null;
    case 'parallel':
      return parallel(runs, labels, differing(fields, runs), {
        least: trans.__('least'),
        most: trans.__('most')
      });
    case 'scatter':
      return x && y ? scatter(runs, labels, x, y) : null;
  }
}

/** The params that differ, then the metrics: an axis where all runs are at one point says nothing. */
function differing(fields: readonly IField[], runs: readonly Run[]): IField[] {
  const params = fields.filter(
    ({ kind, key }) => kind === 'params' && new Set(runs.map(run => run.params[key])).size > 1
  );
  const metrics = fields.filter(field => field.kind === 'metrics');
  return [...params, ...metrics].slice(0, MOST_AXES);
}

function labelOf(
  kind: PictureKind,
  labels: readonly string[],
  x: IField | undefined,
  y: IField | undefined,
  trans: TranslationBundle
): string {
  const names = labels.join(', ');
  switch (kind) {
    case 'bar':
      return trans.__('Bars: %1 of %2', y?.name ?? '', names);
    case 'parallel':
      return trans.__('Parallel coordinates of %1', names);
    case 'scatter':
      return trans.__('Scatter: %1 over %2 of %3', y?.name ?? '', x?.name ?? '', names);
  }
}

function FieldBox(props: {
  label: string;
  fields: readonly IField[];
  field: IField | undefined;
  onChange(name: string): void;
}): React.JSX.Element {
  return (
    <label>
      {props.label}
      <select
        className="jp-mod-styled"
        value={props.field?.name}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.fields.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Picture(props: {
  spec: Spec;
  name: string;
  label: string;
  theme: IChartTheme;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { spec, name, label, theme, trans } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const drawn = React.useRef<Result | null>(null);
  const [failure, setFailure] = React.useState<string | null>(null);
  React.useEffect(() => {
    let isWanted = true;
    const draw = async (): Promise<void> => {
      try {
        const embed = await loadVega(trans);
        if (!isWanted || !host.current) {
          return;
        }
        const result = await embed(host.current, { ...spec, description: label } as never, {
          mode: 'vega-lite',
          renderer: 'svg',
          actions: false,
          config: configOf(theme) as never
        });
        if (!isWanted) {
          result.finalize();
          return;
        }
        drawn.current = result;
        setFailure(null);
      } catch (error) {
        if (isWanted) {
          setFailure((error as Error).message);
        }
      }
    };
    void draw();
    return () => {
      isWanted = false;
      drawn.current?.finalize();
      drawn.current = null;
    };
  }, [spec, theme, label]);
  const savePng = async (): Promise<void> => {
    const url = await drawn.current?.view.toImageURL('png', 2);
    if (url) {
      save(await (await fetch(url)).blob(), `${name}.png`);
    }
  };
  return (
    <figure className="jp-MlmChart">
      <div ref={host} className="jp-MlmPicture" />
      {failure ? (
        <p className="jp-MlmCharts-note" role="status">
          {failure}
        </p>
      ) : (
        <button className="jp-Button jp-mod-minimal" onClick={() => void savePng()}>
          <downloadIcon.react tag="span" />
          {trans.__('Save as PNG')}
        </button>
      )}
    </figure>
  );
}

/** The Vega of JupyterLab: shared, so it costs us nothing, and missing in Notebook 7. */
async function loadVega(trans: TranslationBundle): Promise<typeof Embed> {
  try {
    return (await import('vega-embed')).default;
  } catch {
    throw new Error(
      trans.__(
        'Pictures of runs are drawn by Vega, which this application does not bring. Open the notebook in JupyterLab to see them.'
      )
    );
  }
}
