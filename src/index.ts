/**
 * The plugin: what is wired to what; nothing is decided here.
 */
import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IThemeManager, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Client } from './client';
import { addActing } from './kernel';
import { Kernels } from './kernel/kernels';
import { Front } from './model/front';
import { Projects } from './model/projects';
import { addCheckpoint } from './panels/checkpoint';
import { addCompare } from './panels/compare';
import { addHistory } from './panels/history';
import { addRuns } from './panels/runs';
import { type IContext, PLUGIN_ID } from './tokens';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Shows what every cell did, compares any two moments and goes back to any of them.',
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry, IEditorServices],
  optional: [
    ISettingRegistry,
    IToolbarWidgetRegistry,
    ICommandPalette,
    ILayoutRestorer,
    IStatusBar,
    IThemeManager,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    editors: IEditorServices,
    settingRegistry: ISettingRegistry | null,
    toolbarRegistry: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null,
    themes: IThemeManager | null,
    someTranslator: ITranslator | null
  ) => {
    const translator = someTranslator ?? nullTranslator;
    const trans = translator.load('mlm_jupyter');
    const client = new Client(app.serviceManager.serverSettings, trans);
    const projects = new Projects(client, app.serviceManager);
    const { contents, user } = app.serviceManager;
    const kernels = new Kernels(notebooks, trans, user, path => projects.pathsBefore(path));
    const context: IContext = {
      app,
      notebooks,
      front: new Front(notebooks, projects, kernels, path => contents.localPath(path)),
      settingRegistry,
      toolbarRegistry,
      palette,
      restorer,
      statusBar,
      services: {
        client,
        projects,
        kernels,
        commands: app.commands,
        rendermime,
        editors,
        themes,
        settings: loadSettings(settingRegistry),
        trans,
        translator
      }
    };
    const panel = addHistory(context);
    addRuns(context, panel);
    addCheckpoint(context);
    addCompare(context);
    addActing(context);
  }
};

/** The settings; where they cannot be had everything works as it does without any. */
async function loadSettings(
  registry: ISettingRegistry | null
): Promise<ISettingRegistry.ISettings | null> {
  try {
    return (await registry?.load(PLUGIN_ID)) ?? null;
  } catch (error) {
    console.error(`The settings of ${PLUGIN_ID} could not be loaded:`, error);
    return null;
  }
}

export default plugin;
