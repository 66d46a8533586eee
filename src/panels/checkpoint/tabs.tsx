/**
 * Tabs: the arrow keys go from one to the next; what a tab shows is made when it is first opened, and kept.
 */
import * as React from 'react';

export interface ITab {
  id: string;
  label: string;
  render(): React.ReactNode;
}

interface ITabsProps {
  tabs: readonly ITab[];
  /** What the tabs are of, for those who do not see them. */
  label: string;
  /** The id of the tab that is open at first. */
  first: string;
}

export function Tabs({ tabs, label, first }: ITabsProps): React.JSX.Element {
  const prefix = React.useId();
  const [current, setCurrent] = React.useState(first);
  const opened = React.useRef(new Set<string>());
  opened.current.add(current);
  const list = React.useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const index = tabs.findIndex(tab => tab.id === current);
    const target = tabAfter(event.key, index, tabs.length);
    if (target !== null) {
      event.preventDefault();
      setCurrent(tabs[target].id);
      (list.current?.children[target] as HTMLElement | undefined)?.focus();
    }
  };
  return (
    <div className="jp-MlmTabs">
      <div
        ref={list}
        className="jp-MlmTabs-list"
        role="tablist"
        aria-label={label}
        onKeyDown={onKeyDown}
      >
        {tabs.map(tab => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${prefix}-${tab.id}`}
            aria-controls={`${prefix}-${tab.id}-panel`}
            aria-selected={tab.id === current}
            tabIndex={tab.id === current ? 0 : -1}
            onClick={() => setCurrent(tab.id)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      {tabs.map(tab => (
        <div
          key={tab.id}
          className="jp-MlmTabs-panel"
          data-panel={tab.id}
          role="tabpanel"
          id={`${prefix}-${tab.id}-panel`}
          aria-labelledby={`${prefix}-${tab.id}`}
          hidden={tab.id !== current}
          tabIndex={0}
        >
          {opened.current.has(tab.id) && tab.render()}
        </div>
      ))}
    </div>
  );
}

/** The tab that a key leads to, round at the ends; null: the key is none of a row of tabs'. */
function tabAfter(key: string, index: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count;
    case 'ArrowLeft':
      return (index + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
