/**
 * The facts of an environment in words.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import { formatSize } from '../../format';
import type { Fact } from '../../schema';

/** What a fact is called. */
export function factName(name: string, trans: TranslationBundle): string {
  const names: { [name: string]: string } = {
    python: trans.__('Python'),
    implementation: trans.__('Implementation of Python'),
    platform: trans.__('Operating system'),
    cpu: trans.__('Processor'),
    cpu_count: trans.__('Processor cores'),
    memory_bytes: trans.__('Memory'),
    gpus: trans.__('Graphics cards'),
    git_commit: trans.__('Git commit'),
    git_branch: trans.__('Git branch'),
    is_git_dirty: trans.__('Uncommitted changes'),
    git_remote: trans.__('Git remote')
  };
  return names[name] ?? name;
}

/** A fact as text. */
export function factText(value: Fact, name: string, trans: TranslationBundle): string {
  if (value === null || value === '' || (Array.isArray(value) && !value.length)) {
    return trans.__('none');
  }
  if (typeof value === 'boolean') {
    return value ? trans.__('yes') : trans.__('no');
  }
  if (name === 'memory_bytes' && typeof value === 'number') {
    return formatSize(value);
  }
  return Array.isArray(value) ? value.join(', ') : String(value);
}
