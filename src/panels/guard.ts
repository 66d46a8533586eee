/**
 * What a command does when it fails: it says why, in a dialog.
 */
import { showErrorMessage } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { reasonOf } from '../reason';

/** Do something; where it fails, say so under this title, with the reason. */
export async function guard<T>(
  trans: TranslationBundle,
  title: string,
  work: () => Promise<T>
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    await showErrorMessage(title, reasonOf(error, trans));
    return undefined;
  }
}
