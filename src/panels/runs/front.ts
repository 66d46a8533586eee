/**
 * Keeps the list of runs on the project of the notebook in front.
 */
import type { INotebookTracker } from '@jupyterlab/notebook';

import type { RunsModel } from '../../model/runs';
import type { IProjects } from '../../tokens';

/** Follow the notebook in front, from one to the next and through renames; without one, the last project stays. */
export function followFront(
  notebooks: INotebookTracker,
  projects: IProjects,
  model: RunsModel
): void {
  let asked = 0;
  const follow = async (): Promise<void> => {
    const path = notebooks.currentWidget?.context.path;
    if (!path) {
      return;
    }
    const number = ++asked;
    try {
      const project = await projects.find(path);
      if (number === asked) {
        await model.setProject(project?.id ?? null);
      }
    } catch (error) {
      if (number === asked) {
        model.failure = (error as Error).message;
        await model.setProject(null);
      }
    }
  };
  notebooks.currentChanged.connect((_, panel) => {
    panel?.context.pathChanged.connect(follow);
    void follow();
  });
  projects.changed.connect(() => {
    // The first cell that is tracked makes the project.
    if (model.project === null) {
      void follow();
    }
  });
  void follow();
}
