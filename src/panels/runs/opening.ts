/**
 * The commands that open runs in the main area; what is open there comes back with the layout.
 */
import { type MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { runningIcon, tableRowsIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { MOST_COMPARED, type RunsModel } from '../../model/runs';
import { tellerOf } from '../../telling';
import { CommandIDs, type IContext } from '../../tokens';
import { guard } from '../guard';
import { showView } from '../place';

/** What a view shows. */
interface IOpened {
  project: string;
  runs: string[];
  /** A notebook of the project, by which a server that was restarted finds it again. */
  notebook: string | null;
}

/** Views of one kind, each open once. */
class Views {
  constructor(
    private readonly context: IContext,
    namespace: string,
    private readonly make: (opened: IOpened) => Promise<MainAreaWidget>
  ) {
    this.tracker = new WidgetTracker<MainAreaWidget>({ namespace });
  }

  /** Have the layout remember what is open, as arguments of a command. */
  restoreBy(command: string, argsOf: (opened: IOpened) => ReadonlyJSONObject): void {
    void this.context.restorer?.restore(this.tracker, {
      command,
      args: widget => argsOf(this.opened.get(widget)!),
      name: widget => nameOf(this.opened.get(widget)!)
    });
  }

  async open(asked: IOpened): Promise<MainAreaWidget> {
    const name = nameOf(asked);
    // A double click opens twice, while the code of the view is loading.
    const widget = this.tracker.find(other => nameOf(this.opened.get(other)!) === name);
    const coming = widget ? Promise.resolve(widget) : (this.coming.get(name) ?? this.add(asked));
    showView(this.context.app.shell, await coming);
    return coming;
  }

  private add(asked: IOpened): Promise<MainAreaWidget> {
    const name = nameOf(asked);
    const coming = this.make(asked).then(async widget => {
      this.opened.set(widget, asked);
      await this.tracker.add(widget);
      return widget;
    });
    this.coming.set(name, coming);
    const forget = (): void => void this.coming.delete(name);
    coming.then(forget, forget);
    return coming;
  }

  private readonly tracker: WidgetTracker<MainAreaWidget>;
  private readonly opened = new WeakMap<Widget, IOpened>();
  private readonly coming = new Map<string, Promise<MainAreaWidget>>();
}

export function addOpening(context: IContext, model: RunsModel): void {
  const { palette, services } = context;
  addOpenRun(context, model);
  addCompareRuns(context, model);
  const { commands, trans } = services;
  const ids = [CommandIDs.openRun, CommandIDs.compareRuns];
  ids.forEach(command => palette?.addItem({ command, category: trans.__('Notebook History') }));
  model.changed.connect(tellerOf(commands, ids));
}

function addOpenRun(context: IContext, model: RunsModel): void {
  const { services } = context;
  const { commands, trans } = services;
  const views = new Views(context, 'mlm-run', async ({ project, runs, notebook }) => {
    const { openRunView } = await import('./view');
    return openRunView(services, project, runs[0], notebook);
  });
  const runOf = (args: ReadonlyPartialJSONObject): string | null =>
    textOf(args.run) ?? model.active;
  commands.addCommand(CommandIDs.openRun, {
    label: trans.__('Open Run'),
    caption: trans.__('Show the params, metrics, artifacts and checkpoints of a run'),
    icon: runningIcon,
    isEnabled: args => runOf(args) !== null,
    describedBy: {
      args: describe(context, {
        run: { type: 'string', description: trans.__('A run; the one the list is at, if left out') }
      })
    },
    execute: async args => {
      const run = runOf(args);
      const place = placeOf(args, context, model);
      return run && place
        ? guard(trans, trans.__('The Run Was Not Opened'), () =>
            views.open({ ...place, runs: [run] })
          )
        : undefined;
    }
  });
  views.restoreBy(CommandIDs.openRun, ({ project, runs, notebook }) => ({
    project,
    run: runs[0],
    notebook
  }));
}

function addCompareRuns(context: IContext, model: RunsModel): void {
  const { services } = context;
  const { commands, trans } = services;
  const views = new Views(context, 'mlm-compare-runs', async ({ project, runs, notebook }) => {
    const { openComparison } = await import('./comparison');
    return openComparison(services, project, runs, notebook);
  });
  const runsOf = (args: ReadonlyPartialJSONObject): string[] => {
    const runs = Array.isArray(args.runs) ? args.runs.filter(isText) : model.selected;
    return [...new Set(runs)].slice(0, MOST_COMPARED);
  };
  commands.addCommand(CommandIDs.compareRuns, {
    label: trans.__('Compare Runs'),
    caption: trans.__('Show up to %1 runs beside each other, and what differs', MOST_COMPARED),
    icon: tableRowsIcon,
    isEnabled: args => runsOf(args).length > 1,
    describedBy: {
      args: describe(context, {
        runs: {
          type: 'array',
          items: { type: 'string' },
          minItems: 2,
          maxItems: MOST_COMPARED,
          description: trans.__('Runs; those selected in the list, if left out')
        }
      })
    },
    execute: async args => {
      const runs = runsOf(args);
      const place = placeOf(args, context, model);
      return runs.length > 1 && place
        ? guard(trans, trans.__('The Runs Were Not Compared'), () => views.open({ ...place, runs }))
        : undefined;
    }
  });
  views.restoreBy(CommandIDs.compareRuns, opened => ({ ...opened }));
}

/** The project that is meant, and a notebook of it. */
function placeOf(
  args: ReadonlyPartialJSONObject,
  context: IContext,
  model: RunsModel
): Omit<IOpened, 'runs'> | null {
  const project = textOf(args.project) ?? model.project;
  const notebook = textOf(args.notebook) ?? context.front.path;
  return project === null ? null : { project, notebook };
}

function describe({ services }: IContext, properties: ReadonlyJSONObject): ReadonlyJSONObject {
  const { trans } = services;
  return {
    type: 'object',
    properties: {
      ...properties,
      project: {
        type: 'string',
        description: trans.__('The id of a project; the one of the notebook in front, if left out')
      },
      notebook: {
        type: 'string',
        description: trans.__('A notebook of the project, by which a server can find it')
      }
    }
  };
}

function nameOf({ project, runs }: IOpened): string {
  return [project, ...runs].join(':');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function textOf(value: unknown): string | null {
  return isText(value) ? value : null;
}
