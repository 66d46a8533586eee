/**
 * A comparison as a page: the two moments and the counts, the notebook, then everything else. Loaded on first use.
 */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';
import * as React from 'react';

import type { NotebookDiff } from '../../schema';
import type { IServices } from '../../tokens';
import { Details } from './details';
import { Header } from './header';
import { report } from './markdown';
import { CompareModel } from './model';
import type { NotebookView } from './notebook';
import type { IPair } from './pair';
import type { PartName } from './words';

export interface IViewOptions {
  pair: IPair;
  services: IServices;
  notebooks: INotebookTracker;
}

let views = 0;

export class CompareView extends Panel {
  constructor(private readonly options: IViewOptions) {
    super();
    const { services, notebooks, pair } = options;
    this.key = `mlm-compare-${++views}`;
    this.addClass('jp-MlmCompare');
    this.node.tabIndex = -1;
    this.model = new CompareModel(services, notebooks, pair);
    const header = ReactWidget.create(
      <Header
        model={this.model}
        commands={services.commands}
        trans={services.trans}
        jump={part => this.jump(part)}
      />
    );
    const details = ReactWidget.create(
      <Details model={this.model} services={services} idOf={part => this.idOf(part)} />
    );
    header.addClass('jp-MlmCompare-header');
    details.addClass('jp-MlmCompare-details');
    this.section = this.makeSection();
    this.addWidget(header);
    this.addWidget(this.section);
    this.addWidget(details);
    this.model.changed.connect(this.onChanged, this);
    // What is wrong with it is said when it is needed.
    this.code.catch(() => undefined);
  }

  readonly model: CompareModel;

  get pair(): IPair {
    return this.options.pair;
  }

  /** Copy the comparison as Markdown. */
  copy(): void {
    const { trans } = this.options.services;
    Clipboard.copyToSystem(report(this.model, trans));
    Notification.success(trans.__('The comparison was copied.'), { autoClose: 2000 });
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.setShown(this.isVisible);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.setShown(true);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.setShown(false);
  }

  /** A tab that came back with the layout compares once somebody looks: a kernel may have much to load for it. */
  private setShown(isShown: boolean): void {
    this.model.setShown(isShown);
    if (isShown && !this.wasShown) {
      this.wasShown = true;
      void this.model.load();
    }
  }

  private makeSection(): Panel {
    const section = new Panel({ node: document.createElement('section') } as Panel.IOptions);
    section.addClass('jp-MlmCompare-part');
    const heading = document.createElement('h2');
    heading.id = this.idOf('notebook');
    heading.tabIndex = -1;
    heading.textContent = this.options.services.trans.__('Notebook');
    section.node.setAttribute('aria-labelledby', heading.id);
    section.addWidget(new Widget({ node: heading }));
    section.addWidget(this.message);
    section.hide();
    return section;
  }

  private idOf(part: PartName): string {
    return `${this.key}-${part}`;
  }

  private jump(part: PartName): void {
    const heading = this.node.querySelector<HTMLElement>(`#${this.idOf(part)}`);
    heading?.scrollIntoView({ block: 'start' });
    heading?.focus({ preventScroll: true });
  }

  private onChanged(): void {
    const { notebook, onlyChanges } = this.model;
    if (this.drawn && this.drawnOf === notebook) {
      this.drawn.onlyChanges = onlyChanges;
    } else if (this.model.diff && this.drawnOf !== notebook) {
      this.drawnOf = notebook;
      void this.drawNotebook();
    }
  }

  private async drawNotebook(): Promise<void> {
    const { services } = this.options;
    const { trans, translator } = services;
    const { notebook } = this.model;
    this.drawn?.dispose();
    this.drawn = null;
    this.section.show();
    if (!notebook) {
      this.say(trans.__('Neither side has a notebook.'));
      return;
    }
    if (!notebook.diff.length && this.model.onlyChanges) {
      this.say(trans.__('The notebooks are the same.'));
      this.drawnOf = undefined; // It is drawn when more than what differs is asked for.
      return;
    }
    let code: typeof import('./notebook');
    try {
      code = await this.code;
    } catch {
      this.say(
        trans.__('The code that draws notebooks could not be loaded. Reload the page to try again.')
      );
      return;
    }
    if (this.isDisposed || this.model.notebook !== notebook) {
      return;
    }
    try {
      this.drawn = new code.NotebookView({
        notebook,
        rendermime: services.rendermime,
        editorFactory: services.editors.factoryService.newInlineEditor.bind(
          services.editors.factoryService
        ),
        translator,
        trans,
        onlyChanges: this.model.onlyChanges,
        scroller: this.node
      });
    } catch (error) {
      const reason = (error as Error).message;
      this.say(trans.__('The notebooks differ, and cannot be drawn: %1', reason));
      return;
    }
    this.say('');
    this.section.addWidget(this.drawn);
  }

  private say(text: string): void {
    this.message.node.textContent = text;
    this.message.setHidden(!text);
  }

  /** It comes while the server compares. */
  private readonly code = import('./notebook');
  private readonly key: string;
  private readonly section: Panel;
  private readonly message = new Widget({ node: document.createElement('p') });
  private wasShown = false;
  private drawn: NotebookView | null = null;
  private drawnOf: NotebookDiff | null | undefined;
}
