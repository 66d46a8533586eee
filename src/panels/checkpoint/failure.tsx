/**
 * Why something cannot be shown, and what to do.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { errorIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ClientError } from '../../client';

interface IFailureProps {
  failure: ClientError;
  /** Whether what was known before is shown below. */
  isRemembered: boolean;
  onRetry(): void;
  trans: TranslationBundle;
}

export function Failure(props: IFailureProps): React.JSX.Element {
  const { failure, trans } = props;
  return (
    <div className="jp-MlmCheckpoint-failure" role="alert">
      <errorIcon.react tag="span" elementSize="normal" aria-hidden />
      <div>
        <p>{failure.message}</p>
        <p>{nextStep(failure.code, props.isRemembered, trans)}</p>
        <button type="button" className="jp-mod-styled" onClick={props.onRetry}>
          {trans.__('Try again')}
        </button>
      </div>
    </div>
  );
}

function nextStep(code: string, isRemembered: boolean, trans: TranslationBundle): string {
  if (isRemembered) {
    return code === 'not_found'
      ? trans.__(
          'It was deleted, or its project moved. Below is what was known of it; close the tab to be done with it.'
        )
      : trans.__('Below is what was known of it before.');
  }
  switch (code) {
    case 'not_found':
      return trans.__(
        'It may have been deleted, or the server does not know its project yet: open a notebook of the project and try again.'
      );
    case 'corrupt':
      return trans.__('To find out what is broken, run "mlm verify" in the folder of the project.');
    default:
      return '';
  }
}
