/**
 * Which two moments a tab compares: the arguments of the command, and what tells one tab from another.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { NOW } from '../../tokens';

export interface IPair {
  project: string;
  /** A checkpoint's id, or another reference to one. */
  base: string;
  /** Likewise, or `NOW`. */
  other: string;
  /** The path of the live notebook, where `other` is `NOW`; else of any of the project, by which a server finds it. */
  notebook?: string;
  /** Both sides are runs, by their ids: each with its own params and metrics, and its last checkpoint for the rest. */
  are_runs?: true;
}

/** The arguments of `CommandIDs.compare`. */
export function describePair(trans: TranslationBundle): ReadonlyJSONObject {
  const text = (description: string) => ({ type: 'string', description });
  return {
    type: 'object',
    properties: {
      project: text(trans.__('The id of the project')),
      base: text(trans.__('The checkpoint to compare')),
      other: text(trans.__('The checkpoint to compare it with, or "now"')),
      notebook: text(
        trans.__('The path of the live notebook, with "now"; else of one of the project')
      ),
      are_runs: { type: 'boolean', description: trans.__('Whether both are the ids of runs') }
    },
    required: ['project', 'base', 'other']
  };
}

/** The pair that a command was given; null when something is missing. */
export function pairOf(args: ReadonlyPartialJSONObject): IPair | null {
  const { project, base, other, notebook, are_runs } = args;
  if (!isText(project) || !isText(base) || !isText(other)) {
    return null;
  }
  const pair: IPair = { project, base, other, ...(are_runs === true && { are_runs }) };
  if (isText(notebook)) {
    return { ...pair, notebook };
  }
  return other === NOW ? null : pair;
}

/** The same for the same pair in the same order. */
export function keyOf(pair: IPair): string {
  const live = pair.other === NOW ? (pair.notebook ?? '') : '';
  const parts = [pair.project, pair.base, pair.other, live];
  return parts.map(encodeURIComponent).join(':');
}

/** The pair the other way round; null with now, which has no place in a history to come from. */
export function swapped(pair: IPair): IPair | null {
  return pair.other === NOW ? null : { ...pair, base: pair.other, other: pair.base };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
