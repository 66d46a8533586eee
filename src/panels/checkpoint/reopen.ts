/**
 * A notebook as it was, as a new file beside the old one: nothing that exists is ever written over.
 */
import { PathExt } from '@jupyterlab/coreutils';
import { type Contents, ServerConnection } from '@jupyterlab/services';

import type { Client } from '../../client';
import type { Checkpoint } from '../../schema';
import { readNotebook } from './document';

/** How many names are tried before the file stays `Untitled`. */
const MOST_TRIES = 100;
const CONFLICT = 409;

/**
 * Write the notebook of a checkpoint to a new file; returns its path.
 *
 * The server makes the file under a name that is free, then renames it, which it refuses where the new name is taken:
 * two who do this at once get two files.
 */
export async function writeNotebook(
  client: Client,
  contents: Contents.IManager,
  project: string,
  checkpoint: Checkpoint
): Promise<string> {
  const { content } = readNotebook(await client.notebook(project, checkpoint.id));
  const folder = await findFolder(client, project, checkpoint.notebook);
  const made = await contents.newUntitled({ path: folder, type: 'notebook' });
  try {
    await contents.save(made.path, { type: 'notebook', format: 'json', content });
  } catch (error) {
    await contents.delete(made.path);
    throw error;
  }
  return rename(contents, made.path, PathExt.join(folder, nameOf(checkpoint)));
}

/** `tour-12` for the twelfth checkpoint of `tour.ipynb`. */
function nameOf({ notebook, ordinal }: Checkpoint): string {
  const base = PathExt.basename(notebook ?? '', '.ipynb') || 'notebook';
  return `${base}-${ordinal}`;
}

async function rename(contents: Contents.IManager, path: string, wanted: string): Promise<string> {
  for (let number = 1; number <= MOST_TRIES; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    try {
      const { path: given } = await contents.rename(path, `${wanted}${suffix}.ipynb`);
      return given;
    } catch (error) {
      const isTaken =
        error instanceof ServerConnection.ResponseError && error.response.status === CONFLICT;
      if (!isTaken) {
        break; // It has a name that does, if no fine one.
      }
    }
  }
  return path;
}

/**
 * The folder, as the contents manager spells it, of a notebook as checkpoints spell it; the root where it is not below that.
 *
 * A project that lies above the server's root does not say where: the server is asked which path is meant.
 */
export async function findFolder(
  client: Client,
  project: string,
  notebook: string | null
): Promise<string> {
  if (notebook === null || /^([/\\]|[A-Za-z]:)/.test(notebook)) {
    return '';
  }
  const { items } = await client.projects();
  const folder = items.find(info => info.id === project)?.folder ?? '';
  const parts = notebook.split('/');
  const suffixes = parts.map((_, index) => parts.slice(index).join('/'));
  for (const path of [PathExt.join(folder === '.' ? '' : folder, notebook), ...suffixes]) {
    if (await isMeant(client, project, notebook, path)) {
      return PathExt.dirname(path);
    }
  }
  return '';
}

async function isMeant(
  client: Client,
  project: string,
  notebook: string,
  path: string
): Promise<boolean> {
  try {
    const { items } = await client.projects(path);
    return items.some(info => info.id === project && info.notebook === notebook);
  } catch {
    return false; // It lies outside of the server's root.
  }
}
