/**
 * How variables are compared: by value where a kernel can load both sides, by what was kept to be shown otherwise.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatSize } from '../../format';
import { isTracking } from '../../model/front';
import type { Change, Variable } from '../../schema';
import { INSTALL, type IServices, type KernelState } from '../../tokens';

/** Above this many bytes a kernel is asked only when the user wants it: it loads them beside its own. */
const MOST_UNASKED = 200_000_000;
/** So long a kernel that works is waited for: it may only be answering somebody else's question. */
const PATIENCE_MS = 500;

export type Basis =
  /** No variable is on both sides with another value. */
  | { by: 'nothing' }
  | { by: 'asking'; notebook: string }
  | { by: 'value'; notebook: string }
  | {
      by: 'preview';
      why: 'no-kernel' | 'busy' | 'large' | 'failed';
      /** The reason, and what can be done. */
      message: string;
      /** Whose kernel can be asked all the same; null: none's. */
      panel: NotebookPanel | null;
    };

interface IFoundKernel {
  panel: NotebookPanel;
  state: KernelState;
}

/** The kernel to ask: the first that tracks, else one that is busy, else any; those of another project are left out. */
export async function findKernel(
  services: IServices,
  panels: readonly (NotebookPanel | null)[],
  project?: string
): Promise<IFoundKernel | null> {
  let best: IFoundKernel | null = null;
  for (const panel of panels) {
    if (!panel || (project && !(await isOf(services, panel, project)))) {
      continue;
    }
    let state: KernelState = await services.kernels.state(panel).catch(() => 'none' as const);
    if (isTracking(state)) {
      if (await isFree(panel)) {
        return { panel, state };
      }
      state = 'busy';
    }
    if (!best || state === 'busy') {
      best = { panel, state };
    }
  }
  return best;
}

/** What to do with the kernel that was found: ask it (`asking`), or say why not. */
export function basisOf(
  found: IFoundKernel | null,
  isNow: boolean,
  bytes: number,
  trans: TranslationBundle
): Basis {
  const lead = isNow
    ? trans.__('Only the notebook is compared:')
    : trans.__('Compared by preview:');
  if (!found) {
    const message = trans.__(
      '%1 no notebook of this project is open with a running kernel. Open one and start tracking in it, and its kernel compares the values.',
      lead
    );
    return { by: 'preview', why: 'no-kernel', message, panel: null };
  }
  const notebook = found.panel.context.path;
  if (found.state === 'busy') {
    const message = trans.__('%1 the kernel of %2 is busy.', lead, notebook);
    return { by: 'preview', why: 'busy', message, panel: found.panel };
  }
  if (!isTracking(found.state)) {
    const message = trans.__('%1 %2', lead, reasonOf(found.state, notebook, trans));
    return { by: 'preview', why: 'no-kernel', message, panel: null };
  }
  if (bytes > MOST_UNASKED) {
    const message = trans.__(
      '%1 the kernel of %2 would have to load %3.',
      lead,
      notebook,
      formatSize(bytes)
    );
    return { by: 'preview', why: 'large', message, panel: found.panel };
  }
  return { by: 'asking', notebook };
}

/** The bytes of the values that a kernel would load. */
export function sizeOf(changes: readonly Change<Variable>[]): number {
  return changes.reduce(
    (sum, change) =>
      change.change === 'changed'
        ? sum + (change.before.size_bytes ?? 0) + (change.after.size_bytes ?? 0)
        : sum,
    0
  );
}

/** Whether a kernel would answer at once. */
function isFree({ sessionContext }: NotebookPanel): Promise<boolean> {
  const isBusy = (): boolean => sessionContext.session?.kernel?.status === 'busy';
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      sessionContext.statusChanged.disconnect(look);
      resolve(!isBusy());
    };
    const look = (): void => void (isBusy() || end());
    const timer = setTimeout(end, PATIENCE_MS);
    sessionContext.statusChanged.connect(look);
    look();
  });
}

async function isOf(services: IServices, panel: NotebookPanel, project: string): Promise<boolean> {
  const found = await services.projects.find(panel.context.localPath).catch(() => null);
  return found?.id === project;
}

function reasonOf(state: KernelState, notebook: string, trans: TranslationBundle): string {
  switch (state) {
    case 'dead':
      return trans.__('the kernel of %1 has died. Restart it and start tracking.', notebook);
    case 'without-package':
      return trans.__(
        'the kernel of %1 has no mlm_jupyter. Install it there with: %2',
        notebook,
        INSTALL
      );
    case 'other-language':
      return trans.__('the kernel of %1 is no Python kernel.', notebook);
    case 'off':
      return trans.__('%1 is not tracked. Start tracking in it: %mlm_track', notebook);
    default:
      return trans.__('%1 has no running kernel. Start one and start tracking.', notebook);
  }
}
