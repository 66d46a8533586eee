/**
 * Going back: what a restore would change is found out and asked, then done, then told.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';

import { formatCheckpoint } from '../format';
import type { Checkpoint, RestoreReport, Variable } from '../schema';
import type { IServices } from '../tokens';
import { askVisibly, showFailure } from './asking';
import { type IReplacement, planCells, replaceCells } from './cells';
import { makeReady } from './readiness';
import { tellReport } from './report';
import { askToRestore, type IChoice } from './restoring';

type StoredCells = Parameters<typeof planCells>[1];

/** Restore the kernel of a notebook to a checkpoint, having asked. */
export async function restore(
  services: IServices,
  panel: NotebookPanel,
  project: string,
  id: string
): Promise<void> {
  try {
    const { checkpoint } = await services.client.checkpoint(project, id);
    const state = await makeReady(services, panel);
    if (!state) {
      return;
    }
    const isOff = state === 'off';
    const forecast = isOff
      ? await forecastFromStore(services, project, checkpoint)
      : await askVisibly<RestoreReport>(services, panel, 'restore', {
          ref: checkpoint.id,
          dry_run: true
        });
    if (!forecast) {
      return;
    }
    const plan = await planNotebook(services, panel, project, checkpoint);
    const choice = await askToRestore(
      {
        label: formatCheckpoint(checkpoint),
        forecast,
        remarks: await remarksOn(services, panel, checkpoint, isOff),
        differing: plan && plan.length,
        hasUnsavedEdits: panel.context.model.dirty
      },
      services.trans
    );
    if (choice) {
      await carryOut(services, panel, project, checkpoint, choice, isOff);
    }
  } catch (error) {
    showFailure(services, error);
  }
}

/** Bring a checkpoint into a kernel that has lost its state, without asking more. */
export async function revive(
  services: IServices,
  panel: NotebookPanel,
  project: string,
  checkpoint: Checkpoint
): Promise<void> {
  const state = await makeReady(services, panel, { isNew: true });
  if (state) {
    const choice = { notebook: false, save: true };
    await carryOut(services, panel, project, checkpoint, choice, state === 'off');
  }
}

async function carryOut(
  services: IServices,
  panel: NotebookPanel,
  project: string,
  checkpoint: Checkpoint,
  choice: IChoice,
  isOff: boolean
): Promise<void> {
  const { trans } = services;
  if (isOff && !(await askVisibly(services, panel, 'track'))) {
    return;
  }
  const report = await askVisibly<RestoreReport>(services, panel, 'restore', {
    ref: checkpoint.id,
    save: choice.save
  });
  if (!report) {
    return;
  }
  let also = '';
  if (choice.notebook) {
    // Planned anew: others may have edited while the question was open.
    const plan = await planNotebook(services, panel, project, checkpoint);
    replaceCells(panel.context.model.sharedModel, plan ?? []);
    also = plan
      ? trans.__('The cells are as they were then; Undo Cell Operation takes that back.')
      : trans.__('The cells could not be put back: open the checkpoint as a notebook instead.');
  }
  tellReport(report, formatCheckpoint(checkpoint), trans, also);
}

/** What has to change in the notebook; null: the checkpoint holds none. */
async function planNotebook(
  { client }: IServices,
  panel: NotebookPanel,
  project: string,
  checkpoint: Checkpoint
): Promise<IReplacement[] | null> {
  try {
    const { cells } = await client.notebook(project, checkpoint.id);
    return Array.isArray(cells)
      ? planCells(panel.context.model.sharedModel, cells as StoredCells)
      : null;
  } catch {
    return null; // none is stored, or it cannot be had: the variables can be restored all the same
  }
}

/** What a restore into a kernel that is not tracked will do, as far as the store knows. */
async function forecastFromStore(
  { client }: IServices,
  project: string,
  checkpoint: Checkpoint
): Promise<RestoreReport> {
  const { items } = await client.variables(project, checkpoint.id);
  const isThere = ({ status }: Variable) => status === 'stored' || status === 'reference';
  return {
    checkpoint_id: checkpoint.id,
    is_dry_run: true,
    restored: items.filter(isThere).map(({ name }) => name),
    unchanged: [],
    removed: [],
    kept: [],
    failed: Object.fromEntries(
      items.filter(one => !isThere(one)).map(one => [one.name, one.reason ?? one.status])
    ),
    lossy: Object.fromEntries(items.flatMap(({ name, lossy }) => (lossy ? [[name, lossy]] : []))),
    notes: []
  };
}

async function remarksOn(
  { projects, trans }: IServices,
  panel: NotebookPanel,
  checkpoint: Checkpoint,
  isOff: boolean
): Promise<string[]> {
  const remarks: string[] = [];
  const here = (await projects.find(panel.context.localPath))?.notebook;
  if (checkpoint.notebook !== null && checkpoint.notebook !== here) {
    remarks.push(
      trans.__(
        'This checkpoint is of another notebook, %1. Its variables come into the kernel of %2.',
        checkpoint.notebook,
        panel.title.label
      )
    );
  }
  if (isOff) {
    remarks.push(
      trans.__(
        'Nothing is tracked in this kernel yet: tracking starts first. Variables that the checkpoint does not have will be removed.'
      )
    );
  }
  return remarks;
}
