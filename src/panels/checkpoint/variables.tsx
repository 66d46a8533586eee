/**
 * The variables of a checkpoint; a figure that its cell made is shown with the pictures the cell displayed.
 */
import * as React from 'react';

import type { CheckpointDetail, Variable } from '../../schema';
import type { IServices } from '../../tokens';
import { VariableTable } from '../variables';
import { picturesOf } from './document';
import { PYTHON_CELL, Source } from './hosts';

interface IVariablesProps {
  variables: Variable[];
  detail: CheckpointDetail;
  services: IServices;
}

export function VariablesPanel(props: IVariablesProps): React.JSX.Element {
  const { variables, detail, services } = props;
  const { trans } = services;
  const { changes } = detail.checkpoint;
  const renderSource = React.useCallback(
    (source: string) => (
      <Source
        services={services}
        source={source}
        mimeType={PYTHON_CELL}
        label={trans.__('The source of the function or class')}
      />
    ),
    [services]
  );
  const renderMore = (variable: Variable): React.ReactNode => {
    const { name } = variable;
    const isOfThisCell = changes.added.includes(name) || changes.changed.includes(name);
    const pictures = isFigure(variable) && isOfThisCell ? picturesOf(detail.outputs) : [];
    if (pictures.length === 0) {
      return null;
    }
    return (
      <figure className="jp-MlmCheckpoint-pictures">
        <figcaption>{trans.__('What the cell displayed:')}</figcaption>
        {pictures.map((source, index) => (
          <img key={index} src={source} alt={trans.__('Picture %1 of the cell', index + 1)} />
        ))}
      </figure>
    );
  };
  return (
    <VariableTable
      variables={variables}
      changes={changes}
      trans={trans}
      label={trans.__('Variables')}
      renderSource={renderSource}
      renderMore={renderMore}
    />
  );
}

/** Of matplotlib and what builds on it, plotly and the like: a figure, its axes, a chart. */
function isFigure({ type }: Variable): boolean {
  return /(^|\.)(Figure|FigureWidget|Axes|AxesSubplot|Chart|LayerChart|FacetGrid|JointGrid|PairGrid)$/.test(
    type
  );
}
