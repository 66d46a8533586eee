import type { SidePanel } from '@jupyterlab/ui-components';

import type { IContext } from '../../tokens';

export function addRuns(context: IContext, panel: SidePanel): void {}
