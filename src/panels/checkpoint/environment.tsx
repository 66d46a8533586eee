/**
 * What the code ran on: Python, the computer, git, the packages; and the modules of the project that were imported.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatSize } from '../../format';
import type { Environment } from '../../schema';
import type { IServices } from '../../tokens';
import { Source } from './hosts';

interface IEnvironmentProps {
  environment: Environment | null;
  trans: TranslationBundle;
}

export function EnvironmentPanel({ environment, trans }: IEnvironmentProps): React.JSX.Element {
  if (environment === null) {
    return (
      <p>
        {trans.__(
          'Not known. What the code runs on is found out behind the first cells of a session, and is shown here as soon as it is.'
        )}
      </p>
    );
  }
  return (
    <>
      <table className="jp-MlmCheckpoint-table">
        <tbody>
          {factsOf(environment, trans).map(([title, value]) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Packages packages={environment.packages ?? {}} trans={trans} />
    </>
  );
}

/** What is known of it, as pairs of a title and a text. */
function factsOf(environment: Environment, trans: TranslationBundle): [string, string][] {
  const { implementation, python, cpu, cpu_count, memory_bytes, gpus } = environment;
  const isDirty = environment.is_git_dirty;
  const commit = environment.git_commit ?? '';
  const changed = isDirty ? trans.__('with changes that were not committed') : trans.__('clean');
  const facts: [string, string][] = [
    [trans.__('Python'), `${implementation} ${python}`],
    [trans.__('Platform'), environment.platform],
    [
      trans.__('Processor'),
      [cpu, cpu_count ? trans._n('%1 core', '%1 cores', cpu_count) : ''].filter(Boolean).join(', ')
    ],
    [trans.__('Memory'), memory_bytes ? formatSize(memory_bytes) : ''],
    [trans.__('GPUs'), (gpus ?? []).join(', ')],
    [
      trans.__('Git commit'),
      commit && typeof isDirty === 'boolean' ? `${commit}, ${changed}` : commit
    ],
    [trans.__('Git branch'), environment.git_branch ?? ''],
    [trans.__('Git remote'), environment.git_remote ?? '']
  ];
  return facts.filter(([, value]) => value);
}

interface IPackagesProps {
  packages: { [name: string]: string };
  trans: TranslationBundle;
}

function Packages({ packages, trans }: IPackagesProps): React.JSX.Element | null {
  const [text, setText] = React.useState('');
  const all = Object.entries(packages);
  const found = all.filter(([name]) => name.toLowerCase().includes(text.trim().toLowerCase()));
  if (all.length === 0) {
    return null;
  }
  return (
    <section>
      <h3 className="jp-MlmCheckpoint-title">
        {trans._n('%1 package', '%1 packages', all.length)}
      </h3>
      <input
        type="search"
        className="jp-mod-styled jp-MlmCheckpoint-filter"
        placeholder={trans.__('Filter by name')}
        aria-label={trans.__('Filter packages by name')}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <p role="status" className="jp-MlmCheckpoint-notice">
        {found.length === 0
          ? trans.__('No package fits. Shorten the filter to see more.')
          : trans.__('%1 of %2', found.length, all.length)}
      </p>
      <table className="jp-MlmCheckpoint-table">
        <tbody>
          {found.map(([name, version]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{version}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface IModulesProps {
  modules: { [path: string]: string };
  services: Pick<IServices, 'editors' | 'trans'>;
}

export function ModulesPanel({ modules, services }: IModulesProps): React.JSX.Element {
  const { trans } = services;
  return (
    <>
      <p className="jp-MlmCheckpoint-notice">
        {trans.__('Files of the project that the code had imported, as they were.')}
      </p>
      {Object.entries(modules).map(([path, text]) => (
        <Module key={path} path={path} text={text} services={services} />
      ))}
    </>
  );
}

function Module(props: {
  path: string;
  text: string;
  services: IModulesProps['services'];
}): React.JSX.Element {
  const { path, text, services } = props;
  const [isOpen, setOpen] = React.useState(false);
  return (
    <details
      className="jp-MlmCheckpoint-module"
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{path}</summary>
      {isOpen && (
        <Source
          services={services}
          source={text}
          mimeType="text/x-python"
          label={services.trans.__('The text of %1', path)}
        />
      )}
    </details>
  );
}
