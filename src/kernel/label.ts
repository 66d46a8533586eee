/**
 * What a checkpoint is called in messages.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Checkpoint, RestoreReport } from '../schema';
import type { IServices } from '../tokens';

/** A checkpoint as people call it: its name, or its number among those of its notebook. */
export function labelOf(checkpoint: Checkpoint): string {
  return checkpoint.name ?? `#${checkpoint.ordinal}`;
}

/** The label of the checkpoint that a report is about. */
export async function findLabel(
  { client, projects }: IServices,
  panel: NotebookPanel,
  report: RestoreReport
): Promise<string> {
  try {
    const project = await projects.find(panel.context.localPath);
    const { checkpoint } = await client.checkpoint(project?.id ?? '', report.checkpoint_id);
    return labelOf(checkpoint);
  } catch {
    return report.checkpoint_id;
  }
}
