/**
 * Buttons of commands are drawn again when they are told that their command changed; told of none by name, all of JupyterLab's are.
 */
import type { CommandRegistry } from '@lumino/commands';

/**
 * Return what tells of those commands whose state changed since it was called last.
 *
 * @param stateOf - what is shown of a command, as JSON; whether it is enabled, if not given
 */
export function tellerOf(
  commands: CommandRegistry,
  ids: readonly string[],
  stateOf: (id: string) => unknown = id => commands.isEnabled(id)
): () => void {
  const told = new Map<string, string>();
  return () => {
    for (const id of ids) {
      const state = JSON.stringify(stateOf(id));
      if (told.get(id) !== state) {
        told.set(id, state);
        commands.notifyCommandChanged(id);
      }
    }
  };
}
