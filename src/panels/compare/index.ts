import type { IContext } from '../../tokens';

export function addCompare(context: IContext): void {}
