/**
 * Everything of a comparison below the notebook: variables, metrics, parameters, the environment, modules.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Change, CheckpointDiff, EnvironmentDiff, MetricValue } from '../../schema';
import type { IServices } from '../../tokens';
import { Curves } from './curves';
import { factName, factText } from './facts';
import { diffLines } from './lines';
import type { CompareModel } from './model';
import { ChangeTable, Lines, Sign } from './table';
import { Variables } from './variables';
import { metricText, moveOf, type PartName } from './words';

export interface IDetailsProps {
  model: CompareModel;
  services: IServices;
  /** The id of the element of a part. */
  idOf(part: PartName): string;
}

export function Details(props: IDetailsProps): React.JSX.Element {
  return (
    <UseSignal signal={props.model.changed}>
      {() => (props.model.diff ? <Parts {...props} diff={props.model.diff} /> : null)}
    </UseSignal>
  );
}

function Parts(props: IDetailsProps & { diff: CheckpointDiff }): React.JSX.Element {
  const { model, diff, services } = props;
  const { trans } = services;
  const { variables, metrics, params, environment, modules } = diff;
  const hasVariables = !!variables?.length || model.basis.by !== 'nothing' || !model.onlyChanges;
  return (
    <>
      {hasVariables && (
        <Part {...props} part="variables" title={trans.__('Variables')}>
          <Variables model={model} trans={trans} />
        </Part>
      )}
      {!!metrics?.length && (
        <Part {...props} part="metrics" title={trans.__('Metrics')}>
          <Metrics metrics={metrics} trans={trans} />
          <Curves model={model} services={services} />
        </Part>
      )}
      {!!params?.length && (
        <Part {...props} part="params" title={trans.__('Parameters')}>
          <ChangeTable
            label={trans.__('Parameters that differ')}
            changes={params}
            text={value => value}
            trans={trans}
          />
        </Part>
      )}
      {(environment?.facts?.length || environment?.packages?.length) && (
        <Part {...props} part="environment" title={trans.__('Environment')}>
          <Environment environment={environment} trans={trans} />
        </Part>
      )}
      {!!modules?.length && (
        <Part {...props} part="modules" title={trans.__('Modules of the project')}>
          <Modules modules={modules} trans={trans} />
        </Part>
      )}
    </>
  );
}

function Part(
  props: IDetailsProps & { part: PartName; title: string; children: React.ReactNode }
): React.JSX.Element {
  const id = props.idOf(props.part);
  return (
    <section className="jp-MlmCompare-part" aria-labelledby={id}>
      <h2 id={id} tabIndex={-1}>
        {props.title}
      </h2>
      {props.children}
    </section>
  );
}

function Metrics(props: {
  metrics: readonly Change<MetricValue>[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  return (
    <ChangeTable<MetricValue>
      label={trans.__('Metrics that differ')}
      changes={props.metrics}
      text={metricText}
      more={{ heading: trans.__('Change'), cell: change => <Move change={change} /> }}
      trans={trans}
    />
  );
}

function Move({ change }: { change: Change<MetricValue> }): React.JSX.Element | null {
  const move = change.change === 'changed' ? moveOf(change.before, change.after) : null;
  return (
    move && (
      <span className="jp-MlmCompare-move">
        {move.arrow} {move.absolute}
        {move.relative && <span className="jp-MlmCompare-share"> ({move.relative})</span>}
      </span>
    )
  );
}

function Environment(props: {
  environment: EnvironmentDiff;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { environment, trans } = props;
  const { facts, packages } = environment;
  return (
    <>
      {!!facts?.length && (
        <ChangeTable
          label={trans.__('Facts of the environment that differ')}
          changes={facts}
          text={(value, name) => factText(value, name, trans)}
          nameOf={name => factName(name, trans)}
          trans={trans}
        />
      )}
      {!!packages?.length && (
        <ChangeTable
          label={trans.__('Packages that differ')}
          changes={packages}
          text={version => version}
          trans={trans}
        />
      )}
    </>
  );
}

function Modules(props: {
  modules: readonly Change<string>[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { trans } = props;
  return (
    <>
      {props.modules.map(change => (
        <ModuleChange key={change.name} change={change} trans={trans} />
      ))}
    </>
  );
}

function ModuleChange(props: {
  change: Change<string>;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { change, trans } = props;
  const [isOpen, setIsOpen] = React.useState(change.change === 'changed');
  const before = 'before' in change ? change.before : '';
  const after = 'after' in change ? change.after : '';
  const lines = React.useMemo(
    () => (isOpen ? diffLines(before, after) : []),
    [isOpen, before, after]
  );
  return (
    <details
      className="jp-MlmCompare-variable"
      open={isOpen}
      onToggle={event => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <Sign change={change.change} trans={trans} />
        <h3>{change.name}</h3>
      </summary>
      <Lines label={trans.__('What differs in %1', change.name)} lines={lines} trans={trans} />
    </details>
  );
}
