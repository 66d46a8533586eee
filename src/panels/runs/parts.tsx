/**
 * The tables of the view of one run.
 */
import * as React from 'react';

import { formatMoment, formatNumber, formatSize } from '../../format';
import type { RunSet } from '../../model/runset';
import type { Checkpoint, Run, RunDetail } from '../../schema';
import { CommandIDs, type IServices } from '../../tokens';
import { titleOf } from '../history/words';
import { histories } from './differs';
import { Status } from './status';

interface IPartProps {
  detail: RunDetail;
  services: IServices;
}

export function Params({ detail, services }: IPartProps): React.JSX.Element {
  const { trans } = services;
  const params = histories(detail.params);
  return (
    <section aria-label={trans.__('Params')}>
      <h2>{trans.__('Params')}</h2>
      {params.size === 0 ? (
        <p className="jp-MlmRunView-none">{trans.__('No params were logged.')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Param')}</th>
              <th scope="col">{trans.__('Value')}</th>
            </tr>
          </thead>
          <tbody>
            {[...params].map(([key, values]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td>
                  {values[values.length - 1].value}
                  {values.length > 1 && (
                    <details>
                      <summary>
                        {trans._n('One value before', '%1 values before', values.length - 1)}
                      </summary>
                      <ol>
                        {values.slice(0, -1).map((before, index) => (
                          <li key={index}>
                            {before.value} <time>{formatMoment(before.logged_at)}</time>
                          </li>
                        ))}
                      </ol>
                    </details>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function Tags({ detail, services, set }: IPartProps & { set: RunSet }): React.JSX.Element {
  const { trans } = services;
  const { run } = detail;
  const tags = Object.entries(run.tags);
  const [failure, setFailure] = React.useState<string | null>(null);
  const change = async (key: string, value: string): Promise<boolean> => {
    try {
      await set.setTag(run, key, value);
      setFailure(null);
      return true;
    } catch (error) {
      setFailure((error as Error).message);
      return false;
    }
  };
  return (
    <section aria-label={trans.__('Tags')}>
      <h2>{trans.__('Tags')}</h2>
      {tags.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Tag')}</th>
              <th scope="col">{trans.__('Value')}</th>
            </tr>
          </thead>
          <tbody>
            {tags.map(([key, value]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td>
                  <TagValue
                    key={value}
                    label={trans.__('The value of the tag %1', key)}
                    value={value}
                    onChange={text => void change(key, text)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <NewTag services={services} onAdd={change} />
      {failure && (
        <p className="jp-MlmRuns-failure" role="alert">
          {failure}
        </p>
      )}
    </section>
  );
}

/** A text that is changed by typing over it, and kept when the field is left or on Enter; Escape takes it back. */
function TagValue(props: {
  label: string;
  value: string;
  onChange(text: string): void;
}): React.JSX.Element {
  const [text, setText] = React.useState(props.value);
  const keep = (): void => {
    if (text !== props.value) {
      props.onChange(text);
    }
  };
  return (
    <input
      className="jp-mod-styled"
      aria-label={props.label}
      value={text}
      onChange={event => setText(event.target.value)}
      onBlur={keep}
      onKeyDown={event => {
        if (event.key === 'Enter') {
          event.currentTarget.blur(); // which keeps it, once
        } else if (event.key === 'Escape') {
          setText(props.value);
        }
      }}
    />
  );
}

function NewTag(props: {
  services: IServices;
  /** Resolves with whether it was added. */
  onAdd(key: string, value: string): Promise<boolean>;
}): React.JSX.Element {
  const { trans } = props.services;
  const [key, setKey] = React.useState('');
  const [value, setValue] = React.useState('');
  return (
    <form
      className="jp-MlmRunView-newTag"
      onSubmit={event => {
        event.preventDefault();
        void props.onAdd(key.trim(), value).then(isAdded => {
          setKey(isAdded ? '' : key);
          setValue(isAdded ? '' : value);
        });
      }}
    >
      <input
        className="jp-mod-styled"
        aria-label={trans.__('The name of a new tag')}
        placeholder={trans.__('tag')}
        value={key}
        onChange={event => setKey(event.target.value)}
      />
      <input
        className="jp-mod-styled"
        aria-label={trans.__('The value of the new tag')}
        placeholder={trans.__('value')}
        value={value}
        onChange={event => setValue(event.target.value)}
      />
      <button className="jp-Button jp-mod-styled" disabled={!key.trim()}>
        {trans.__('Add tag')}
      </button>
    </form>
  );
}

export function Artifacts(props: IPartProps & { project: string }): React.JSX.Element | null {
  const { detail, services, project } = props;
  const { client, trans } = services;
  if (detail.artifacts.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Artifacts')}>
      <h2>{trans.__('Artifacts')}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{trans.__('Size')}</th>
            <th scope="col">{trans.__('Type')}</th>
          </tr>
        </thead>
        <tbody>
          {detail.artifacts.map(({ name, blob, size_bytes, media_type }) => (
            <tr key={name}>
              <th scope="row">
                <a
                  href={client.blobUrl(project, blob)}
                  download={name.split('/').pop()}
                  title={trans.__('Download %1', name)}
                >
                  {name}
                </a>
              </th>
              <td className="jp-mod-number">{formatSize(size_bytes)}</td>
              <td>{media_type}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Children(props: IPartProps & { project: string }): React.JSX.Element | null {
  const { detail, services, project } = props;
  const { commands, trans } = services;
  const { children, run } = detail;
  if (children.length === 0 && run.parent_id === null) {
    return null;
  }
  const open = (id: string): void =>
    void commands.execute(CommandIDs.openRun, { project, run: id });
  return (
    <section aria-label={trans.__('Nested runs')}>
      <h2>{trans.__('Nested runs')}</h2>
      {run.parent_id !== null && (
        <button className="jp-MlmLink" onClick={() => open(run.parent_id!)}>
          {trans.__('Open the run that this is a part of')}
        </button>
      )}
      <ul className="jp-MlmRunView-list">
        {children.map(child => (
          <li key={child.id}>
            <Status status={child.status} trans={trans} isShort />
            <button className="jp-MlmLink" onClick={() => open(child.id)}>
              {child.name}
            </button>
            {Object.entries(child.metrics).map(([key, value]) => (
              <span key={key}>
                {key} {formatNumber(value)}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

const PAGE = 20;

/** The newest checkpoints of a run; asked for again when its last one changed. */
export function Checkpoints(props: {
  run: Run;
  services: IServices;
  project: string;
}): React.JSX.Element | null {
  const { run, services, project } = props;
  const { client, commands, trans } = services;
  const [items, setItems] = React.useState<readonly Checkpoint[]>([]);
  const [limit, setLimit] = React.useState(PAGE);
  const [total, setTotal] = React.useState(0);
  React.useEffect(() => {
    let isWanted = true;
    client.checkpoints(project, { run: run.id, limit }).then(
      page => {
        if (isWanted) {
          setItems(page.items);
          setTotal(page.total);
        }
      },
      () => undefined // The rest of the view says when the server does not answer.
    );
    return () => {
      isWanted = false;
    };
  }, [project, run.id, run.last_checkpoint_id, limit]);
  if (items.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Checkpoints')}>
      <h2>{trans.__('Checkpoints')}</h2>
      <ul className="jp-MlmRunView-list">
        {items.map(checkpoint => (
          <li key={checkpoint.id}>
            <button
              className="jp-MlmLink"
              title={formatMoment(checkpoint.created_at)}
              onClick={() =>
                void commands.execute(CommandIDs.openCheckpoint, {
                  project,
                  checkpoint: checkpoint.id
                })
              }
            >
              {`${checkpoint.ordinal} · ${checkpoint.name ?? titleOf(checkpoint, trans)}`}
            </button>
          </li>
        ))}
      </ul>
      {total > items.length && (
        <button className="jp-Button jp-mod-styled" onClick={() => setLimit(limit + 100)}>
          {trans.__('Show more: %1 of %2', items.length, total)}
        </button>
      )}
    </section>
  );
}
