/**
 * Acting on kernels: tracking, checkpoints, going back.
 */
import type { IContext } from '../tokens';
import { addAutomaticTracking } from './automatic';
import { addCommands } from './commands';
import { addRevival } from './revival';
import { States } from './states';
import { addStatusItem } from './statusbar';
import { addToolbarControl } from './toolbar';

export function addActing(context: IContext): void {
  const states = new States(context.services.kernels, context.notebooks);
  addCommands(context, states);
  addToolbarControl(context, states);
  addStatusItem(context, states);
  addRevival(context, states);
  addAutomaticTracking(context, states);
}
