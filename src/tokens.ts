/**
 * The names that the parts of the extension know each other by: what they are given, and the commands they run.
 */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { ICommandPalette, IThemeManager, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ISignal } from '@lumino/signaling';

import type { Client } from './client';
import type { Front } from './model/front';
import type { ProjectInfo, RestoreReport, TrackingStatus } from './schema';

export const PLUGIN_ID = 'mlm-jupyter:plugin';

/** The other side of a comparison that is no checkpoint: the live notebook and its kernel. */
export const NOW = 'now';

/** What a cell runs to have the package in its kernel. */
export const INSTALL = '%pip install mlm_jupyter';

/** The project of a notebook. */
export interface IHome extends ProjectInfo {
  /** `notebook` is what it was called before it was renamed: its history still goes by that. */
  is_former?: true;
}

/** Which project each notebook belongs to, and when something was written to one. */
export interface IProjects {
  /** The project of a notebook, by its path on the server; null while it has none. */
  find(notebook: string): Promise<IHome | null>;
  /** Something was written to the project with this id, by whichever process. */
  readonly changed: ISignal<IProjects, string>;
}

/** What a kernel can do for the extension. */
export type KernelState =
  'none' | 'other-language' | 'dead' | 'busy' | 'without-package' | 'off' | TrackingStatus['state'];

/** Verbs that a kernel answers; each has the words of `%mlm_...`. */
export interface IKernels {
  /**
   * Ask the kernel of a notebook, without entering the user's history.
   * Rejects with a `KernelFailure`: its message is for the user. `onBegun`: the kernel is at it, what was before is done.
   */
  ask<T>(
    panel: NotebookPanel,
    verb: string,
    args?: { [key: string]: unknown },
    onBegun?: () => void
  ): Promise<T>;
  /** What can be asked of the kernel of a notebook now. */
  state(panel: NotebookPanel): Promise<KernelState>;
  /** The tracking of a notebook's kernel changed: started, stopped, restored; or a cell's checkpoint is being saved. */
  readonly changed: ISignal<IKernels, IKernelNews>;
}

/** What a kernel tells of itself. */
export interface IKernelNews {
  panel: NotebookPanel;
  status?: TrackingStatus;
  /** A checkpoint that was made and is not on disk yet. */
  saving?: { id: string; source: string | null; cell_id: string | null; created_at: number };
  report?: RestoreReport;
}

/** What every view is made with. */
export interface IServices {
  client: Client;
  projects: IProjects;
  kernels: IKernels;
  commands: CommandRegistry;
  rendermime: IRenderMimeRegistry;
  editors: IEditorServices;
  themes: IThemeManager | null;
  /** Not awaited when the plugin starts: they come only when the toolbar has said how it changes them. */
  settings: Promise<ISettingRegistry.ISettings | null>;
  /** Our words; and, for what JupyterLab's own parts say, whom they ask. */
  trans: TranslationBundle;
  translator: ITranslator;
}

/** What the parts are wired with: the application, what it offers, and our services. What is optional is null without it. */
export interface IContext {
  app: JupyterFrontEnd;
  services: IServices;
  notebooks: INotebookTracker;
  /** The notebook in front, its project, its kernel: asked for once for all sections. */
  front: Front;
  settingRegistry: ISettingRegistry | null;
  toolbarRegistry: IToolbarWidgetRegistry | null;
  palette: ICommandPalette | null;
  restorer: ILayoutRestorer | null;
  statusBar: IStatusBar | null;
}

/** Every command; the arguments each takes are in the comment. */
export namespace CommandIDs {
  /** {} : show the panel and put the focus in it */
  export const showPanel = 'mlm:show-panel';
  /** {} : ask the server again */
  export const refresh = 'mlm:refresh';
  /** { filter? } : shows the panel with that in its filter box (`var:df status:error merge`), and the focus there */
  export const filter = 'mlm:filter';
  /** { command } : runs another command on the active entry of the history; what menus, keys and toolbars name */
  export const onEntry = 'mlm:on-entry';
  /** { project, checkpoint } */
  export const openCheckpoint = 'mlm:open-checkpoint';
  /** { project, checkpoint } : the notebook as it was, as a new notebook beside the old one */
  export const openNotebook = 'mlm:open-notebook';
  /** { project, base, other } : `other` may be NOW, then { notebook } is the path of the live one; or { are_runs } both */
  export const compare = 'mlm:compare';
  /** { project, checkpoint } */
  export const compareWithParent = 'mlm:compare-with-parent';
  /** { project, checkpoint } : with the notebook in front and its kernel */
  export const compareWithNow = 'mlm:compare-with-now';
  /** { project, checkpoint } */
  export const selectForCompare = 'mlm:select-for-compare';
  /** { project, checkpoint } : with the one selected before */
  export const compareWithSelected = 'mlm:compare-with-selected';
  /** {} : of the comparison in front, as are the next three */
  export const swapCompared = 'mlm:swap-compared';
  export const copyComparison = 'mlm:copy-comparison';
  export const showOnlyChanges = 'mlm:show-only-changes';
  export const compareAgain = 'mlm:compare-again';
  /** { project, run } */
  export const openRun = 'mlm:open-run';
  /** { project, runs: string[] } : at most 8 */
  export const compareRuns = 'mlm:compare-runs';
  /** { project, checkpoint } */
  export const restore = 'mlm:restore';
  /** {} */
  export const undo = 'mlm:undo';
  /** { project, checkpoint } : asks for a name */
  export const name = 'mlm:name';
  /** { project, checkpoint } : asks for a note */
  export const note = 'mlm:note';
  /** { project, checkpoint } or { project, run } : asks first */
  export const remove = 'mlm:delete';
  /** { id } : copies an id, or { text } a text */
  export const copy = 'mlm:copy';
  /** {} : of the notebook in front */
  export const track = 'mlm:track';
  export const stop = 'mlm:stop';
  export const pause = 'mlm:pause';
  export const resume = 'mlm:resume';
  /** {} : a checkpoint of the notebook in front, now */
  export const checkpoint = 'mlm:checkpoint';
}
