/**
 * The last checkpoint of a notebook: what there is to go back to.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Checkpoint } from '../schema';
import type { IServices } from '../tokens';

export interface ILatest {
  project: string;
  checkpoint: Checkpoint;
}

/** So many are looked at: the newest may be saves, or have lost their values. */
const LOOKED_AT = 20;

/** The newest checkpoint of a notebook that was made for its own sake; null: there is none. */
export function findLatest(services: IServices, panel: NotebookPanel): Promise<ILatest | null> {
  return findNewest(services, panel, ({ kind }) => kind !== 'save');
}

/** The newest checkpoint of a notebook that has something to restore; null: there is none. */
export function findLastState(services: IServices, panel: NotebookPanel): Promise<ILatest | null> {
  return findNewest(services, panel, ({ kind, changes, is_dropped }) => {
    const isEmptyStart = kind === 'baseline' && changes.added.length === 0;
    return kind !== 'save' && !is_dropped && !isEmptyStart;
  });
}

async function findNewest(
  { client, projects }: IServices,
  panel: NotebookPanel,
  isMeant: (checkpoint: Checkpoint) => boolean
): Promise<ILatest | null> {
  const project = await projects.find(panel.context.localPath);
  if (!project?.notebook) {
    return null;
  }
  const { items } = await client.checkpoints(project.id, {
    notebook: project.notebook,
    limit: LOOKED_AT
  });
  const checkpoint = items.find(isMeant);
  return checkpoint ? { project: project.id, checkpoint } : null;
}
