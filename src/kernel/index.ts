/**
 * Acting on kernels: tracking, checkpoints, going back.
 */
import type { IContext } from '../tokens';
import { addCommands } from './commands';
import { States } from './states';

export function addActing(context: IContext): void {
  const states = new States(context.services.kernels, context.notebooks);
  addCommands(context, states);
}
