/**
 * Parts of a view whose code is loaded when they are first drawn.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { reasonOf } from '../reason';

interface ILazyProps {
  /** What stands there until the code has come. */
  waiting?: React.ReactNode;
  trans: TranslationBundle;
  children: React.ReactNode;
}

interface ILazyState {
  failure: { error: unknown } | null;
}

/** Draws a part once its code is there; where that cannot be had, or fails, a line that says what to do, and offers it. */
export class Lazy extends React.Component<ILazyProps, ILazyState> {
  static getDerivedStateFromError(error: unknown): ILazyState {
    return { failure: { error } };
  }

  readonly state: ILazyState = { failure: null };

  render(): React.ReactNode {
    const { waiting = null, trans, children } = this.props;
    const { failure } = this.state;
    if (failure === null) {
      return <React.Suspense fallback={waiting}>{children}</React.Suspense>;
    }
    return (
      <div className="jp-MlmLazy-failure" role="alert">
        <span>{trans.__('This cannot be shown. %1', reasonOf(failure.error, trans))}</span>
        <button className="jp-Button jp-mod-styled" onClick={() => window.location.reload()}>
          <refreshIcon.react tag="span" />
          {trans.__('Reload the page')}
        </button>
      </div>
    );
  }
}
