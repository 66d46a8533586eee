/**
 * Keeps the list of runs on the project of the notebook in front.
 */
import type { Front } from '../../model/front';
import type { RunsModel } from '../../model/runs';

/** Follow the notebook in front; while none is, or it is not known yet whose it is, the last project stays. */
export function followFront(front: Front, model: RunsModel): void {
  const follow = (): void => {
    if (front.panel !== null && !front.isLooking) {
      void model.setProject(front.project?.id ?? null, front.failure?.message);
    }
  };
  front.changed.connect(follow);
  follow();
}
