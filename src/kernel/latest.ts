/**
 * The last checkpoint of a notebook: what there is to go back to.
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

/** The newest checkpoint of a project's notebook that was made for its own sake; null: there is none. */
export function findLatest(
  client: Pick<Client, 'checkpoints'>,
  project: ProjectInfo
): Promise<Checkpoint | null> {
  return findNewest(client, project, ({ kind }) => kind !== 'save');
}

/** The newest checkpoint of a notebook that has something to restore; null: there is none. */
export async function findLastState(
  { client, projects }: IServices,
  panel: NotebookPanel
): Promise<ILatest | null> {
  const project = await projects.find(panel.context.localPath);
  if (!project) {
    return null;
  }
  const checkpoint = await findNewest(client, project, ({ kind, changes, is_dropped }) => {
    const isEmptyStart = kind === 'baseline' && changes.added.length === 0;
    return kind !== 'save' && !is_dropped && !isEmptyStart;
  });
  return checkpoint && { project: project.id, checkpoint };
}

async function findNewest(
  client: Pick<Client, 'checkpoints'>,
  { id, notebook }: ProjectInfo,
  isMeant: (checkpoint: Checkpoint) => boolean
): Promise<Checkpoint | null> {
  if (!notebook) {
    return null;
  }
  const { items } = await client.checkpoints(id, { notebook, limit: LOOKED_AT });
  return items.find(isMeant) ?? null;
}
