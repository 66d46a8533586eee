/**
 * What a command does when it fails: it says why, in a dialog.
 */
import { showErrorMessage } from '@jupyterlab/apputils';

/** Do something; where it fails, say so under this title, with the reason. */
export async function guard<T>(title: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    await showErrorMessage(title, (error as Error).message);
    return undefined;
  }
}
