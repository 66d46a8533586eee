/**
 * What is the same on both sides. A diff holds what differs only, so it is what one side has that no change names.
 */
import type {
  Change,
  CheckpointDetail,
  CheckpointDiff,
  Fact,
  Logged,
  MetricValue,
  Variable
} from '../../schema';

/** All that a side has, as far as it was asked for. */
export interface IWhole {
  variables: readonly Variable[];
  logged: Logged;
}

export interface INamed<T> {
  name: string;
  value: T;
}

export interface ISame {
  variables: INamed<Variable>[];
  metrics: INamed<MetricValue>[];
  params: INamed<string>[];
  facts: INamed<Fact>[];
  packages: INamed<string>[];
  /** The texts of modules of the project, by path. */
  modules: INamed<string>[];
}

/** What one side, either of them, has in common with the other. */
export function sameOf(
  whole: IWhole,
  detail: Pick<CheckpointDetail, 'environment' | 'modules'> | null,
  diff: CheckpointDiff
): ISame {
  const { packages, ...facts } = detail?.environment ?? {};
  const variables = Object.fromEntries(whole.variables.map(one => [one.name, one]));
  return {
    variables: without(variables, diff.variables),
    metrics: without(whole.logged.metrics, diff.metrics),
    params: without(whole.logged.params, diff.params),
    facts: without<Fact>(facts, diff.environment?.facts),
    packages: without(packages, diff.environment?.packages),
    modules: without(detail?.modules, diff.modules)
  };
}

function without<T>(
  all: { readonly [name: string]: T | undefined } | undefined,
  changes: readonly Change<unknown>[] | undefined
): INamed<T>[] {
  const changed = new Set((changes ?? []).map(({ name }) => name));
  return Object.entries(all ?? {}).flatMap(([name, value]) =>
    value === undefined || changed.has(name) ? [] : [{ name, value }]
  );
}
