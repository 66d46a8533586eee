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

/** The newest checkpoint of a notebook that has something to restore; null: there is none. */
export async function findLatest(
  { client, projects }: IServices,
  panel: NotebookPanel
): Promise<ILatest | null> {
  const project = await projects.find(panel.context.localPath);
  if (!project?.notebook) {
    return null;
  }
  const { items } = await client.checkpoints(project.id, {
    notebook: project.notebook,
    limit: LOOKED_AT
  });
  const checkpoint = items.find(one => one.kind !== 'save' && !one.is_dropped);
  return checkpoint ? { project: project.id, checkpoint } : null;
}
