/**
 * The banner above a notebook whose kernel was restarted: whether its last state shall come back.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import { Button, closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { formatAgo, formatCheckpoint, formatMoment } from '../format';
import type { IServices } from '../tokens';
import type { ILatest } from './latest';
import '../../src/style/restore.css';

interface IAnswers {
  restore: () => void;
  dismiss: () => void;
  never: () => void;
}

export class Banner extends ReactWidget {
  constructor(
    private readonly latest: ILatest,
    private readonly services: IServices,
    private readonly answers: IAnswers
  ) {
    super();
    this.addClass('jp-MlmBanner');
    this.node.setAttribute('role', 'status');
  }

  protected render(): React.ReactElement {
    const { trans } = this.services;
    const { checkpoint } = this.latest;
    const text = trans.__(
      'The kernel was restarted. Restore checkpoint %1 (%2)?',
      formatCheckpoint(checkpoint),
      formatAgo(checkpoint.created_at, Date.now(), trans)
    );
    return (
      <>
        <span
          className="jp-MlmBanner-text"
          title={`${text} (${formatMoment(checkpoint.created_at)})`}
        >
          {text}
        </span>
        <Button small className="jp-mod-styled" onClick={this.answers.restore}>
          {trans.__('Restore')}
        </Button>
        <Button small minimal onClick={this.answers.never}>
          {trans.__('Don’t ask again')}
        </Button>
        <Button
          small
          minimal
          title={trans.__('Not now')}
          aria-label={trans.__('Not now')}
          onClick={this.answers.dismiss}
        >
          <closeIcon.react tag="span" />
        </Button>
      </>
    );
  }
}
