/**
 * The view of one checkpoint in the main area: what it is above, and below, in tabs, all that is known of it.
 */
import { MainAreaWidget } from '@jupyterlab/apputils';
import { historyIcon, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { formatCheckpoint } from '../../format';
import type { CheckpointDetail } from '../../schema';
import type { IServices } from '../../tokens';
import { CellPanel } from './cell';
import { EnvironmentPanel, ModulesPanel } from './environment';
import { Failure } from './failure';
import { Header } from './header';
import type { CheckpointModel, ILoaded } from './model';
import { NotebookPanel } from './notebook';
import { type ITab, Tabs } from './tabs';
import { addButtons } from './toolbar';
import { VariablesPanel } from './variables';
import '../../../src/style/checkpoint.css';

/** Make the view of a checkpoint; closing it ends its model. */
export function makeView(
  model: CheckpointModel,
  services: IServices
): MainAreaWidget<CheckpointView> {
  const widget = new MainAreaWidget({ content: new CheckpointView(model, services) });
  addButtons(widget.toolbar, model, services);
  return widget;
}

export class CheckpointView extends ReactWidget {
  constructor(
    readonly model: CheckpointModel,
    private readonly services: IServices
  ) {
    super();
    this.addClass('jp-MlmCheckpoint');
    this.node.setAttribute('role', 'region');
    this.title.icon = historyIcon;
    model.changed.connect(this.onChanged, this);
    this.onChanged();
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.model.setShown(this.isVisible);
  }

  protected onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.setShown(true);
  }

  protected onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.model.setShown(false);
  }

  protected render(): React.JSX.Element {
    return (
      <UseSignal signal={this.model.changed}>
        {() => <Page model={this.model} services={this.services} />}
      </UseSignal>
    );
  }

  private onChanged(): void {
    const { trans } = this.services;
    const { checkpoint } = this.model;
    this.title.label = checkpoint ? formatCheckpoint(checkpoint) : trans.__('Checkpoint');
    this.title.caption = checkpoint
      ? trans.__('Checkpoint %1 of %2', `#${checkpoint.ordinal}`, checkpoint.notebook ?? '?')
      : trans.__('Checkpoint %1', this.model.ref);
    this.node.setAttribute('aria-label', this.title.caption);
  }
}

interface IPageProps {
  model: CheckpointModel;
  services: IServices;
}

function Page({ model, services }: IPageProps): React.JSX.Element {
  const { trans } = services;
  const { value, failure } = model.detail;
  return (
    <>
      {failure && (
        <Failure
          failure={failure}
          isRemembered={value !== null}
          onRetry={() => void model.refresh()}
          trans={trans}
        />
      )}
      {value ? (
        <>
          <Header model={model} services={services} />
          <Tabs
            tabs={tabsOf(value, model, services)}
            label={trans.__('What is known of it')}
            first={value.checkpoint.source === null ? 'variables' : 'cell'}
          />
        </>
      ) : (
        !failure && <Loading trans={trans} />
      )}
    </>
  );
}

function tabsOf(detail: CheckpointDetail, model: CheckpointModel, services: IServices): ITab[] {
  const { trans } = services;
  const { checkpoint, environment, modules } = detail;
  const tabs: ITab[] = [
    {
      id: 'cell',
      label: trans.__('Cell'),
      render: () => <CellPanel project={model.project} detail={detail} services={services} />
    },
    {
      id: 'variables',
      label: trans.__('Variables'),
      render: () => (
        <Lazy loaded={model.variables} load={() => model.loadVariables()} trans={trans}>
          {variables => (
            <VariablesPanel variables={variables} detail={detail} services={services} />
          )}
        </Lazy>
      )
    },
    {
      id: 'notebook',
      label: trans.__('Notebook'),
      render: () => (
        <Lazy loaded={model.notebook} load={() => model.loadNotebook()} trans={trans}>
          {notebook => (
            <NotebookPanel notebook={notebook} ran={checkpoint.cell_id} services={services} />
          )}
        </Lazy>
      )
    },
    {
      id: 'environment',
      label: trans.__('Environment'),
      render: () => <EnvironmentPanel environment={environment} trans={trans} />
    }
  ];
  if (Object.keys(modules).length) {
    tabs.push({
      id: 'modules',
      label: trans.__('Modules'),
      render: () => <ModulesPanel modules={modules} services={services} />
    });
  }
  return tabs;
}

interface ILazyProps<T> {
  loaded: ILoaded<T>;
  load(): Promise<void>;
  trans: IServices['trans'];
  children(value: T): React.ReactNode;
}

/** What is asked for when it is first looked at. */
function Lazy<T>({ loaded, load, trans, children }: ILazyProps<T>): React.JSX.Element {
  React.useEffect(() => void load(), []);
  if (loaded.value !== null) {
    return <>{children(loaded.value)}</>;
  }
  return loaded.failure ? (
    <Failure
      failure={loaded.failure}
      isRemembered={false}
      onRetry={() => void load()}
      trans={trans}
    />
  ) : (
    <Loading trans={trans} />
  );
}

function Loading({ trans }: { trans: IServices['trans'] }): React.JSX.Element {
  return (
    <p role="status" className="jp-MlmCheckpoint-notice">
      {trans.__('Loading…')}
    </p>
  );
}
