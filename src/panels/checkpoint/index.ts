import type { IContext } from '../../tokens';

export function addCheckpoint(context: IContext): void {}
