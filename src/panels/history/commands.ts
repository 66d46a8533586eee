/**
 * The commands of the history: what acts on the panel itself, and the way from the active entry to every other command.
 */
import { Clipboard, type ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, filterIcon, type LabIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { compareIcon, historyIcon } from '../../icons';
import type { ITarget, Timeline } from '../../model/timeline';
import { tellerOf } from '../../telling';
import { CommandIDs } from '../../tokens';

type Args = ReadonlyPartialJSONObject;

interface IHistoryCommands {
  commands: CommandRegistry;
  palette: ICommandPalette | null;
  timeline: Timeline;
  trans: TranslationBundle;
  /** Show the panel, with the focus in it. */
  show(where: 'list' | 'filter'): void;
}

const NOTHING = { args: { type: 'object', properties: {} } };

export function addHistoryCommands(context: IHistoryCommands): void {
  addPanelCommands(context);
  addCompareCommands(context);
  addOnEntry(context);
  const { palette, trans } = context;
  const category = trans.__('Notebook History');
  for (const command of [
    CommandIDs.showPanel,
    CommandIDs.refresh,
    CommandIDs.filter,
    CommandIDs.selectForCompare,
    CommandIDs.compareWithSelected,
    CommandIDs.compareWithParent,
    CommandIDs.copy
  ]) {
    palette?.addItem({ command, category });
  }
  tellToolbars(context);
}

/** Menus ask when they open; toolbars have to be told. */
function tellToolbars({ commands, timeline }: IHistoryCommands): void {
  const ofEntry = [CommandIDs.selectForCompare, CommandIDs.compareWithParent, CommandIDs.copy];
  const tellOfEntry = tellerOf(commands, ofEntry);
  // A view of another checkpoint than the active one has a button for it, too.
  const tellOfSelected = tellerOf(commands, [CommandIDs.compareWithSelected], id => [
    commands.isEnabled(id),
    timeline.reference
  ]);
  const others = Object.values(CommandIDs).filter(id => id !== CommandIDs.onEntry);
  const tellOfOthers = tellerOf(commands, [CommandIDs.onEntry], id =>
    others.filter(command => commands.isEnabled(id, { command }))
  );
  timeline.changed.connect(() => {
    tellOfEntry();
    tellOfSelected();
    tellOfOthers();
  });
  commands.commandChanged.connect((_, { id }) => {
    if (id !== CommandIDs.onEntry && id?.startsWith('mlm:')) {
      tellOfOthers();
    }
  });
}

function addPanelCommands({ commands, timeline, trans, show }: IHistoryCommands): void {
  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Show Notebook History'),
    caption: trans.__('Show what the cells of the notebook did, with the focus in the list.'),
    icon: historyIcon,
    describedBy: NOTHING,
    execute: () => show('list')
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh the History'),
    caption: trans.__('Ask the server again for everything that is shown.'),
    icon: refreshIcon,
    describedBy: NOTHING,
    execute: () => timeline.reload()
  });
  commands.addCommand(CommandIDs.filter, {
    label: args =>
      isOfCell(args) ? trans.__('Show Only This Cell') : trans.__('Filter the History'),
    caption: trans.__('Show the checkpoints with some text, variable, cell, status or run.'),
    icon: filterIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          filter: {
            type: 'string',
            description: trans.__('As it is typed: `merge var:df status:error`.')
          }
        }
      }
    },
    execute: args => {
      if (typeof args.filter === 'string') {
        timeline.typed = args.filter;
      }
      show('filter');
    }
  });
  commands.addCommand(CommandIDs.copy, {
    label: args => (typeof args.text === 'string' ? trans.__('Copy') : trans.__('Copy the Id')),
    caption: trans.__('Copy the id of the checkpoint: every command and magic takes it.'),
    icon: copyIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: {
            type: 'string',
            description: trans.__('The id to copy; without it, the active entry’s.')
          },
          text: { type: 'string', description: trans.__('A text to copy instead.') }
        }
      }
    },
    isEnabled: args => textOf(args, timeline) !== null,
    execute: args => {
      const text = textOf(args, timeline);
      if (text !== null) {
        Clipboard.copyToSystem(text);
      }
    }
  });
}

function addCompareCommands({ commands, timeline, trans }: IHistoryCommands): void {
  const describedBy = {
    args: {
      type: 'object',
      properties: {
        project: {
          type: 'string',
          description: trans.__('The id of the project; with `checkpoint`.')
        },
        checkpoint: {
          type: 'string',
          description: trans.__('The id of the checkpoint; without it, the active entry.')
        }
      }
    }
  };
  commands.addCommand(CommandIDs.selectForCompare, {
    label: trans.__('Select for Compare'),
    caption: trans.__('Choose this checkpoint; then compare another one with it.'),
    describedBy,
    isEnabled: args => targetOf(args, timeline) !== null,
    execute: args => {
      const target = targetOf(args, timeline);
      const isAgain = target?.checkpoint === timeline.reference?.checkpoint;
      timeline.reference = isAgain ? null : target;
    }
  });
  commands.addCommand(CommandIDs.compareWithSelected, {
    label: trans.__('Compare with Selected'),
    caption: trans.__('Show what differs between the checkpoint that was selected and this one.'),
    icon: compareIcon,
    describedBy,
    isEnabled: args => {
      const target = targetOf(args, timeline);
      const { reference } = timeline;
      return (
        target !== null &&
        reference?.project === target.project &&
        reference.checkpoint !== target.checkpoint &&
        commands.hasCommand(CommandIDs.compare)
      );
    },
    execute: args => {
      const target = targetOf(args, timeline);
      const base = timeline.reference?.checkpoint;
      return target && base ? compare(commands, target, base) : undefined;
    }
  });
  commands.addCommand(CommandIDs.compareWithParent, {
    label: trans.__('Compare with the One Before'),
    caption: trans.__('Show what this checkpoint changed.'),
    icon: compareIcon,
    describedBy,
    isEnabled: args => targetOf(args, timeline) !== null && commands.hasCommand(CommandIDs.compare),
    execute: args => {
      const target = targetOf(args, timeline);
      // `~1` is the server's word for the parent, known here or not.
      return target ? compare(commands, target, parentOf(target, timeline)) : undefined;
    }
  });
}

/** Another command on the active entry, with that one's words and icon: for menus, keys and toolbars, whose args are fixed. */
function addOnEntry({ commands, timeline, trans }: IHistoryCommands): void {
  const nameOf = (args: Args): string => String(args.command ?? '');
  const given = (args: Args): Args | null => argsFor(nameOf(args), timeline);
  const known = <T>(args: Args, ask: (command: string, given: Args) => T, otherwise: T): T =>
    commands.hasCommand(nameOf(args)) ? ask(nameOf(args), given(args) ?? {}) : otherwise;
  commands.addCommand(CommandIDs.onEntry, {
    label: args => known(args, (id, given) => commands.label(id, given), trans.__('On the Entry')),
    caption: args => known(args, (id, given) => commands.caption(id, given), ''),
    icon: args =>
      known<LabIcon | undefined>(
        args,
        (id, given) => commands.icon(id, given) as LabIcon | undefined,
        undefined
      ),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          command: {
            type: 'string',
            description: trans.__('The command to run on the active entry.')
          }
        },
        required: ['command']
      }
    },
    isEnabled: args =>
      given(args) !== null && known(args, (id, given) => commands.isEnabled(id, given), false),
    execute: args => {
      const target = given(args);
      return target && commands.isEnabled(nameOf(args), target)
        ? commands.execute(nameOf(args), target)
        : undefined;
    }
  });
}

/** What a command wants to know of the active entry; null where that cannot be given. */
function argsFor(command: string, timeline: Timeline): Args | null {
  const { target } = timeline;
  if (target === null) {
    return null;
  }
  const entry = timeline.find(target.checkpoint);
  switch (command) {
    case CommandIDs.copy:
      return { id: target.checkpoint };
    case CommandIDs.openRun:
      return entry?.run_id ? { project: target.project, run: entry.run_id } : null;
    case CommandIDs.filter:
      return entry?.cell_id ? { filter: `cell:${entry.cell_id}` } : null;
    default:
      return { ...target };
  }
}

function isOfCell({ filter }: Args): boolean {
  return typeof filter === 'string' && filter.startsWith('cell:');
}

/** The checkpoint in the arguments, else the active entry. */
function targetOf(args: Args, timeline: Timeline): ITarget | null {
  const { project, checkpoint } = args;
  return typeof project === 'string' && typeof checkpoint === 'string'
    ? { project, checkpoint }
    : timeline.target;
}

function textOf(args: Args, timeline: Timeline): string | null {
  const text = args.text ?? args.id ?? timeline.target?.checkpoint;
  return typeof text === 'string' ? text : null;
}

function parentOf(target: ITarget, timeline: Timeline): string {
  return timeline.find(target.checkpoint)?.parent_id ?? `${target.checkpoint}~1`;
}

function compare(commands: CommandRegistry, target: ITarget, base: string): Promise<unknown> {
  return commands.execute(CommandIDs.compare, {
    project: target.project,
    base,
    other: target.checkpoint
  });
}
