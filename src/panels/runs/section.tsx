/**
 * What the section of the runs shows: the query, the list, what to do with the selected ones.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { MOST_COMPARED, type RunsModel } from '../../model/runs';
import { Lazy } from '../lazy';
import type { IRunActions } from './grid';
import { fieldOf, orderOf, withOrder } from './order';
import { keysOf } from './rows';
import '../../../src/style/runs.css';

/** From this width on there are columns. */
const WIDE = 520;
/** So long typing rests before the server is asked. */
const REST_MS = 400;

/** The grid brings its libraries with it: not before there is something to list. */
const RunsGrid = React.lazy(async () => ({ default: (await import('./grid')).RunsGrid }));

export interface ISectionProps {
  model: RunsModel;
  actions: IRunActions;
  trans: TranslationBundle;
}

export function SectionBody(props: ISectionProps): React.JSX.Element {
  return <UseSignal signal={props.model.changed}>{() => <Body {...props} />}</UseSignal>;
}

function Body({ model, actions, trans }: ISectionProps): React.JSX.Element {
  const body = React.useRef<HTMLDivElement>(null);
  const isWide = useIsWide(body);
  const count = model.selected.length;
  return (
    <div ref={body} className="jp-MlmRuns-body">
      {model.state !== 'no-project' && (
        <>
          <QueryBox model={model} trans={trans} />
          <div className="jp-MlmRuns-bar">
            {count ? (
              <>
                <button
                  className="jp-Button jp-mod-styled jp-mod-accept"
                  disabled={count < 2}
                  title={
                    count < 2
                      ? trans.__('Select a second run to compare it with')
                      : trans.__(
                          'Show what differs between the selected runs, at most %1',
                          MOST_COMPARED
                        )
                  }
                  onClick={() => actions.compare()}
                >
                  {trans._n('Compare %1 run…', 'Compare %1 runs', count)}
                </button>
                <button className="jp-Button jp-mod-styled" onClick={() => model.clearSelection()}>
                  {trans.__('Clear')}
                </button>
              </>
            ) : (
              <span className="jp-MlmRuns-count" role="status">
                {trans._n('%1 run', '%1 runs', model.total)}
              </span>
            )}
            {!isWide && <SortBox model={model} trans={trans} />}
          </div>
        </>
      )}
      <Content model={model} actions={actions} trans={trans} isWide={isWide} />
    </div>
  );
}

function Content(props: ISectionProps & { isWide: boolean }): React.JSX.Element {
  const { model, trans } = props;
  const message = emptyMessage(model, trans);
  if (message) {
    return (
      <p className="jp-MlmRuns-message" role="status">
        {message}
      </p>
    );
  }
  return (
    <>
      {model.failure && (
        <p className="jp-MlmRuns-failure" role="alert">
          {model.failure}
        </p>
      )}
      <Lazy trans={trans} waiting={<p className="jp-MlmRuns-message">{trans.__('Loading…')}</p>}>
        <RunsGrid {...props} />
      </Lazy>
    </>
  );
}

/** What to say where there is no list, with the next step; null where there is one. */
function emptyMessage(model: RunsModel, trans: TranslationBundle): string | null {
  switch (model.state) {
    case 'no-project':
      return (
        model.failure ??
        trans.__(
          'No runs here yet. Open a notebook and run %load_ext mlm_jupyter, then %mlm_track, in a cell: its runs are listed here.'
        )
      );
    case 'loading':
      return trans.__('Loading…');
    case 'failed':
      return model.failure;
    case 'ready':
      if (model.items.length) {
        return null;
      }
      return model.query
        ? trans.__('No run fits the query. Change it, or clear it to see all.')
        : trans.__(
            'No runs yet. Start one with %mlm_track in the notebook, or log something: mlm_jupyter.log_metric("acc", 0.9).'
          );
  }
}

/** Asked for when typing rests, or at once on Enter. */
function QueryBox({
  model,
  trans
}: {
  model: RunsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [text, setText] = React.useState(model.query);
  React.useEffect(() => setText(model.query), [model.query]);
  React.useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== model.query) {
        void model.setQuery(text);
      }
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <>
      <input
        type="search"
        className="jp-mod-styled jp-MlmRuns-query"
        value={text}
        spellCheck={false}
        placeholder={trans.__('Filter: metrics.acc > 0.9')}
        aria-label={trans.__('Filter the runs with a query')}
        aria-invalid={model.queryError !== null}
        aria-describedby={model.queryError ? 'jp-MlmRuns-queryError' : undefined}
        title={trans.__(
          'For example: metrics.acc > 0.9 and params.lr = "0.1". Fields: metrics.…, params.…, tags.…, name, status, experiment, started_at, duration_ms. Operators: = != > < like in, and, or, not, order by, limit.'
        )}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            void model.setQuery(text);
          }
        }}
      />
      {model.queryError && (
        <p id="jp-MlmRuns-queryError" className="jp-MlmRuns-queryError" role="alert">
          {model.queryError}
        </p>
      )}
    </>
  );
}

/** What the headings of columns do where there is no room for them. */
function SortBox({
  model,
  trans
}: {
  model: RunsModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const order = orderOf(model.query);
  const fields = [
    { field: 'name', label: trans.__('name') },
    { field: 'status', label: trans.__('status') },
    { field: 'duration_ms', label: trans.__('duration') },
    ...keyed('metrics', keysOf(model.items.map(run => run.metrics))),
    ...keyed('params', keysOf(model.items.map(run => run.params)))
  ];
  if (order && !fields.some(({ field }) => field === order.field)) {
    fields.push({ field: order.field, label: order.field });
  }
  const sort = (field: string, isDescending: boolean): void =>
    void model.setQuery(withOrder(model.query, field ? { field, isDescending } : null));
  return (
    <span className="jp-MlmRuns-sort">
      <select
        className="jp-mod-styled"
        aria-label={trans.__('Sort the runs by')}
        value={order?.field ?? ''}
        onChange={event => sort(event.target.value, event.target.value.startsWith('metrics.'))}
      >
        <option value="">{trans.__('newest')}</option>
        {fields.map(({ field, label }) => (
          <option key={field} value={field}>
            {label}
          </option>
        ))}
      </select>
      {order && (
        <button
          className="jp-Button jp-mod-minimal"
          title={order.isDescending ? trans.__('Descending') : trans.__('Ascending')}
          aria-label={
            order.isDescending
              ? trans.__('Descending. Sort ascending')
              : trans.__('Ascending. Sort descending')
          }
          onClick={() => sort(order.field, !order.isDescending)}
        >
          {order.isDescending ? '↓' : '↑'}
        </button>
      )}
    </span>
  );
}

function keyed(
  kind: 'metrics' | 'params',
  keys: readonly string[]
): { field: string; label: string }[] {
  return keys.flatMap(key => {
    const field = fieldOf(kind, key);
    return field === null ? [] : [{ field, label: `${kind}.${key}` }];
  });
}

/** Whether there is room for columns in an element. */
function useIsWide(element: React.RefObject<HTMLElement>): boolean {
  const [isWide, setIsWide] = React.useState(false);
  React.useEffect(() => {
    if (!element.current || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(([entry]) => setIsWide(entry.contentRect.width >= WIDE));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return isWide;
}
