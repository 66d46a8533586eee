/**
 * Everything of a comparison below the notebook: variables, metrics, params, the environment, modules.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Change, CheckpointDiff, Fact, MetricValue } from '../../schema';
import type { IServices } from '../../tokens';
import { Curves } from './curves';
import { factName, factText } from './facts';
import { diffLines } from './lines';
import type { CompareModel } from './model';
import type { INamed } from './same';
import { ChangeTable, Lines, SameFold, Sign } from './table';
import { Variables } from './variables';
import { metricText, moveOf, type PartName } from './words';

interface IDetailsProps {
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
  const { same } = model;
  const { metrics = [], params = [], modules = [] } = diff;
  const { facts = [], packages = [] } = diff.environment ?? {};
  return (
    <>
      <Part
        {...props}
        part="variables"
        title={trans.__('Variables')}
        isThere={
          model.basis.by !== 'nothing' || !!diff.variables?.length || !!same?.variables.length
        }
      >
        <Variables model={model} trans={trans} />
      </Part>
      <Part
        {...props}
        part="metrics"
        title={trans.__('Metrics')}
        isThere={!!metrics.length || !!same?.metrics.length}
      >
        <Metrics changes={metrics} same={same?.metrics ?? []} trans={trans} />
        <Curves model={model} services={services} />
      </Part>
      <Part
        {...props}
        part="params"
        title={trans.__('Params')}
        isThere={!!params.length || !!same?.params.length}
      >
        <Params changes={params} same={same?.params ?? []} trans={trans} />
      </Part>
      <Part
        {...props}
        part="environment"
        title={trans.__('Environment')}
        isThere={!!facts.length || !!packages.length || !!same?.facts.length}
      >
        <Facts changes={facts} same={same?.facts ?? []} trans={trans} />
        <Packages changes={packages} same={same?.packages ?? []} trans={trans} />
      </Part>
      <Part
        {...props}
        part="modules"
        title={trans.__('Modules of the project')}
        isThere={!!modules.length || !!same?.modules.length}
      >
        <Modules changes={modules} same={same?.modules ?? []} trans={trans} />
      </Part>
    </>
  );
}

/** A part of the page with its heading; nothing where nothing is in it. */
function Part(
  props: IDetailsProps & {
    part: PartName;
    title: string;
    isThere: boolean;
    children: React.ReactNode;
  }
): React.JSX.Element | null {
  if (!props.isThere) {
    return null;
  }
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

/** What differs, as a table, and below it what is the same. */
function Named<T>(
  props: React.ComponentProps<typeof ChangeTable<T>> & {
    same: readonly INamed<T>[];
    sameTitle: string;
  }
): React.JSX.Element {
  const { same, sameTitle, ...table } = props;
  return (
    <>
      <ChangeTable<T> {...table} />
      <SameFold<T> {...table} title={sameTitle} items={same} />
    </>
  );
}

interface IListProps<T> {
  changes: readonly Change<T>[];
  same: readonly INamed<T>[];
  trans: TranslationBundle;
}

function Metrics(props: IListProps<MetricValue>): React.JSX.Element {
  const { same, trans } = props;
  return (
    <Named<MetricValue>
      {...props}
      label={trans.__('Metrics that differ')}
      sameTitle={trans._n('%1 metric is the same', '%1 metrics are the same', same.length)}
      text={metricText}
      more={{ heading: trans.__('Change'), cell: change => <Move change={change} /> }}
    />
  );
}

function Params(props: IListProps<string>): React.JSX.Element {
  const { same, trans } = props;
  return (
    <Named
      {...props}
      label={trans.__('Params that differ')}
      sameTitle={trans._n('%1 param is the same', '%1 params are the same', same.length)}
      text={value => value}
    />
  );
}

function Facts(props: IListProps<Fact>): React.JSX.Element {
  const { same, trans } = props;
  return (
    <Named<Fact>
      {...props}
      label={trans.__('Facts of the environment that differ')}
      sameTitle={trans._n(
        '%1 fact of the environment is the same',
        '%1 facts of the environment are the same',
        same.length
      )}
      text={(value, name) => factText(value, name, trans)}
      nameOf={name => factName(name, trans)}
    />
  );
}

function Packages(props: IListProps<string>): React.JSX.Element {
  const { same, trans } = props;
  return (
    <Named
      {...props}
      label={trans.__('Packages that differ')}
      sameTitle={trans._n('%1 package is the same', '%1 packages are the same', same.length)}
      text={version => version}
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

function Modules({ changes, same, trans }: IListProps<string>): React.JSX.Element {
  const lines = (text: string): string => trans._n('%1 line', '%1 lines', text.split('\n').length);
  return (
    <>
      {changes.map(change => (
        <ModuleChange key={change.name} change={change} trans={trans} />
      ))}
      <SameFold
        title={trans._n('%1 module is the same', '%1 modules are the same', same.length)}
        items={same}
        text={lines}
        trans={trans}
      />
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
