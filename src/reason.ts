/**
 * Why something failed, as the user is told.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** The reason of a failure; where code is missing that is loaded when it is first needed, what to do about that. */
export function reasonOf(error: unknown, trans: TranslationBundle): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.name === 'ChunkLoadError' // of the bundler: the files have other names in another version
    ? trans.__(
        'A part of Notebook History could not be loaded: it was upgraded since this page was opened, or the server is away. Reload the page.'
      )
    : error.message;
}
