/**
 * A comparison's tab: its title, and the toolbar above it.
 */
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  copyIcon,
  ReactWidget,
  refreshIcon,
  ToolbarButton,
  UseSignal
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { compareIcon, swapIcon } from '../../icons';
import { CommandIDs } from '../../tokens';
import type { CompareModel } from './model';
import { keyOf, swapped } from './pair';
import { CompareView, type IViewOptions } from './view';
import { sideName } from './words';
import '../../../src/style/compare.css';

export function openTab(options: IViewOptions): MainAreaWidget<CompareView> {
  const { pair, services } = options;
  const { commands, trans } = services;
  const content = new CompareView(options);
  const tab = new MainAreaWidget({ content });
  tab.id = `mlm-compare-${keyOf(pair)}`;
  tab.title.icon = compareIcon;
  tab.title.closable = true;
  tab.title.label = trans.__('Compare');
  tab.toolbar.node.setAttribute('aria-label', trans.__('Comparison'));
  content.node.setAttribute('role', 'region');
  content.node.setAttribute('aria-label', trans.__('Comparison'));
  content.model.changed.connect(model => nameTab(tab, model, trans));

  const other = swapped(pair);
  tab.toolbar.addItem(
    'swap',
    new ToolbarButton({
      icon: swapIcon,
      label: trans.__('Swap'),
      tooltip: other
        ? trans.__('Compare the other way round')
        : trans.__('Now is always the other side'),
      enabled: other !== null,
      onClick: () => void commands.execute(CommandIDs.compare, { ...other })
    })
  );
  tab.toolbar.addItem(
    'again',
    new ToolbarButton({
      icon: refreshIcon,
      tooltip: trans.__('Compare again'),
      onClick: () => void content.model.load()
    })
  );
  tab.toolbar.addItem(
    'copy',
    new ToolbarButton({
      icon: copyIcon,
      label: trans.__('Copy as Markdown'),
      tooltip: trans.__('Copy everything that differs, for a review or a message'),
      onClick: () => content.copy()
    })
  );
  tab.toolbar.addItem(
    'only',
    ReactWidget.create(<OnlyChanges model={content.model} trans={trans} />)
  );
  return tab;
}

function OnlyChanges(props: { model: CompareModel; trans: TranslationBundle }): React.JSX.Element {
  const { model, trans } = props;
  return (
    <UseSignal signal={model.changed}>
      {() => (
        <label className="jp-MlmCompare-only">
          <input
            type="checkbox"
            checked={model.onlyChanges}
            onChange={event => (model.onlyChanges = event.target.checked)}
          />
          {trans.__('Only what differs')}
        </label>
      )}
    </UseSignal>
  );
}

function nameTab(
  tab: MainAreaWidget<CompareView>,
  model: CompareModel,
  trans: TranslationBundle
): void {
  if (model.diff) {
    const [base, other] = [model.base, model.other].map(side => sideName(side, model.pair, trans));
    tab.title.label = `${base} ↔ ${other}`;
    tab.title.caption = trans.__('What differs from %1 to %2', base, other);
  }
}
