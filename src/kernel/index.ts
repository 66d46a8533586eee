import type { IContext } from '../tokens';

export function addActing(context: IContext): void {}
