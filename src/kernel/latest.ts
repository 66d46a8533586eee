/**
 * The last checkpoints of a notebook: where its kernel stands, what there is to go back to.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Client } from '../client';
import type { Checkpoint, ProjectInfo } from '../schema';
import type { IServices } from '../tokens';

export interface ILatest {
  project: string;
  checkpoint: Checkpoint;
}

/** So many are looked at: the newest may be saves, or have lost their values. */
const LOOKED_AT = 20;

/** The newest checkpoint of a notebook that has something to restore; null: there is none. */
export async function findLastState(
  { client, projects }: IServices,
  panel: NotebookPanel
): Promise<ILatest | null> {
  const project = await projects.find(panel.context.localPath);
  if (!project) {
    return null;
  }
  const newest = await findNewest(client, project);
  const checkpoint = newest.find(({ kind, changes, is_dropped }) => {
    const isEmptyStart = kind === 'baseline' && changes.added.length === 0;
    return kind !== 'save' && !is_dropped && !isEmptyStart;
  });
  return checkpoint ? { project: project.id, checkpoint } : null;
}

/** The newest checkpoints of a project's notebook. */
export async function findNewest(
  client: Pick<Client, 'checkpoints'>,
  { id, notebook }: ProjectInfo
): Promise<Checkpoint[]> {
  return notebook ? (await client.checkpoints(id, { notebook, limit: LOOKED_AT })).items : [];
}
