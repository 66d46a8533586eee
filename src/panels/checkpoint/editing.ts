/**
 * The dialogs that change a checkpoint: its name, its note, and whether it is there at all.
 */
import { Dialog, InputDialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import { formatCheckpoint } from '../../format';
import type { Checkpoint, Run } from '../../schema';
import type { IServices } from '../../tokens';
import '../../../src/style/checkpoint.css';

type Services = Pick<IServices, 'client' | 'trans'>;

/** Ask for a name until the server takes it, or nobody wants one any more. */
export async function editName(
  services: Services,
  project: string,
  checkpoint: Checkpoint
): Promise<void> {
  const { client, trans } = services;
  let text = checkpoint.name ?? '';
  let label = trans.__(
    'A name stands for this checkpoint wherever one is asked for, and keeps its values from being dropped. Leave it empty to take it away.'
  );
  for (;;) {
    const { button, value } = await InputDialog.getText({
      title: trans.__('Name Checkpoint #%1', checkpoint.ordinal),
      label,
      text,
      okLabel: trans.__('Name')
    });
    if (!button.accept || value === null) {
      return;
    }
    text = value.trim();
    try {
      await client.changeCheckpoint(project, checkpoint.id, { name: text || null });
      return;
    } catch (error) {
      label = (error as Error).message;
    }
  }
}

/** Ask for a note. What was written is not lost when the server refuses it. */
export async function editNote(
  services: Services,
  project: string,
  checkpoint: Checkpoint
): Promise<void> {
  const { client, trans } = services;
  let text = checkpoint.note ?? '';
  let label = trans.__('What is worth knowing of it? Leave it empty to take the note away.');
  for (;;) {
    const dialog = new NoteDialog({
      title: trans.__('Note to Checkpoint #%1', checkpoint.ordinal),
      body: new NoteBody(label, text),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Save') })
      ],
      focusNodeSelector: 'textarea'
    });
    const { button, value } = await dialog.launch();
    if (!button.accept || value === null) {
      return;
    }
    text = value;
    try {
      await client.changeCheckpoint(project, checkpoint.id, { note: text.trim() || null });
      return;
    } catch (error) {
      label = (error as Error).message;
    }
  }
}

/** Delete a checkpoint when the user, told what that means, says so; returns whether it was done. */
export async function removeCheckpoint(
  services: Services,
  project: string,
  checkpoint: Checkpoint
): Promise<boolean> {
  const { client, trans } = services;
  return confirmed(services, {
    title: trans.__('Delete Checkpoint %1?', formatCheckpoint(checkpoint)),
    body: trans.__(
      'It leaves the history with its name, note and values, and cannot be restored any more. ' +
        'Not touched: the notebook, the variables in the kernel, files, and all other checkpoints; those after it go on from the one before it.'
    ),
    work: () => client.deleteCheckpoint(project, checkpoint.id)
  });
}

/** Delete a run when the user, told what that means, says so; returns whether it was done. */
export async function removeRun(services: Services, project: string, run: Run): Promise<boolean> {
  const { client, trans } = services;
  return confirmed(services, {
    title: trans.__('Delete Run %1?', run.name),
    body: trans.__(
      'Its params, metrics, tags and artifacts are deleted. ' +
        'Not touched: its checkpoints, which stay in the history, the notebook, the variables in the kernel, and files.'
    ),
    work: () => client.deleteRun(project, run.id)
  });
}

interface IDeletion {
  title: string;
  body: string;
  work(): Promise<void>;
}

async function confirmed({ trans }: Services, deletion: IDeletion): Promise<boolean> {
  const { button } = await showDialog({
    title: deletion.title,
    body: deletion.body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Delete') })
    ],
    defaultButton: 0
  });
  if (!button.accept) {
    return false;
  }
  try {
    await deletion.work();
    return true;
  } catch (error) {
    await showErrorMessage(trans.__('It Was Not Deleted'), (error as Error).message);
    return false;
  }
}

/** A dialog in whose text Enter begins a new line; with Ctrl or Command it accepts. */
class NoteDialog extends Dialog<string> {
  handleEvent(event: Event): void {
    const isTyped =
      event instanceof KeyboardEvent &&
      event.key === 'Enter' &&
      event.target instanceof HTMLTextAreaElement;
    if (!isTyped) {
      super.handleEvent(event);
    } else if (event.type === 'keydown' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.resolve();
    }
  }
}

class NoteBody extends Widget implements Dialog.IBodyWidget<string> {
  constructor(label: string, text: string) {
    super();
    this.addClass('jp-MlmNote');
    const title = document.createElement('label');
    title.textContent = label;
    this._area = document.createElement('textarea');
    this._area.className = 'jp-mod-styled';
    this._area.rows = 6;
    this._area.value = text;
    title.append(this._area);
    this.node.append(title);
  }

  getValue(): string {
    return this._area.value;
  }

  private readonly _area: HTMLTextAreaElement;
}
