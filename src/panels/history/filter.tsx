/**
 * The filter box with the words it knows, how many entries there are, and of which notebooks.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { completeFilter } from '../../model/filter';
import type { History } from '../../model/history';
import type { Timeline } from '../../model/timeline';

/** So many names of variables are offered. */
const MOST_OFFERED = 100;
/** They are taken from so many entries. */
const LOOKED_AT = 300;

interface IFilterProps {
  timeline: Timeline;
  trans: TranslationBundle;
  box: React.RefObject<HTMLInputElement>;
  /** Move the focus to the list. */
  onLeave(): void;
}

export function Filter({ timeline, trans, box, onLeave }: IFilterProps): React.JSX.Element {
  const id = React.useId();
  const [isEditing, setEditing] = React.useState(false);
  const variables = React.useMemo(
    () => (isEditing ? variablesOf(timeline) : []),
    [isEditing, timeline, timeline.entries]
  );
  // What was counted stays until the next answer, for those who see it and those who hear it.
  const counted = React.useRef('');
  counted.current = timeline.history?.isReady ? countOf(timeline.history, trans) : counted.current;
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Escape' && timeline.typed !== '') {
      timeline.typed = '';
    } else if (event.key === 'Escape' || event.key === 'Enter') {
      onLeave();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="jp-MlmFilter" role="search">
      <input
        ref={box}
        className="jp-MlmFilter-box jp-mod-styled"
        type="search"
        list={id}
        spellCheck={false}
        aria-label={trans.__('Filter the history')}
        placeholder={trans.__('Filter: text, var:df, status:error')}
        title={trans.__(
          'Any text of a cell, a name or a note; and var:NAME, status:error, run:NAME, cell:ID.'
        )}
        value={timeline.typed}
        onChange={event => (timeline.typed = event.target.value)}
        onFocus={() => setEditing(true)}
        onBlur={() => setEditing(false)}
        onKeyDown={onKeyDown}
      />
      <datalist id={id}>
        {isEditing &&
          completeFilter(timeline.typed, variables).map(term => <option key={term} value={term} />)}
      </datalist>
      <div className="jp-MlmFilter-line">
        <span role="status" className="jp-MlmFilter-count">
          {counted.current}
        </span>
        <select
          className="jp-MlmFilter-scope"
          aria-label={trans.__('Of which notebooks')}
          value={timeline.scope}
          onChange={event => (timeline.scope = event.target.value === 'all' ? 'all' : 'notebook')}
        >
          <option value="notebook">{trans.__('This notebook')}</option>
          <option value="all">{trans.__('All notebooks')}</option>
        </select>
      </div>
    </div>
  );
}

function countOf(history: History, trans: TranslationBundle): string {
  const total = history.total;
  const count = total.toLocaleString();
  return history.isFiltered
    ? trans._n('%2 found', '%2 found', total, count)
    : trans._n('%2 checkpoint', '%2 checkpoints', total, count);
}

/** The names of the variables that changed last. */
function variablesOf(timeline: Timeline): string[] {
  const names = new Set<string>();
  for (const { changes } of timeline.entries.slice(0, LOOKED_AT)) {
    [...changes.changed, ...changes.added, ...changes.removed].forEach(name => names.add(name));
  }
  return [...names].slice(0, MOST_OFFERED);
}
