/**
 * What a restore will do, or did, in sentences.
 */
import { Dialog, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RestoreReport } from '../schema';
import '../../src/style/restore.css';

/** More names than this are behind a fold. */
const SHOWN = 12;

interface IPart {
  title: string;
  names: string[];
  reasons?: { [name: string]: string };
  /** What is of little interest shows its names only when asked. */
  isFolded?: boolean;
}

/** The parts of a report that have something to say, in the order of their weight. */
export function partsOf(report: RestoreReport, trans: TranslationBundle): IPart[] {
  const parts = report.is_dry_run ? futureParts(report, trans) : pastParts(report, trans);
  return parts.filter(part => part.names.length > 0);
}

function futureParts(report: RestoreReport, trans: TranslationBundle): IPart[] {
  const { restored, removed, kept, unchanged, failed, lossy } = report;
  const failures = Object.keys(failed);
  return [
    {
      title: trans._n(
        '%1 variable gets the value it had:',
        '%1 variables get the values they had:',
        restored.length
      ),
      names: restored
    },
    {
      title: trans._n(
        '%1 variable did not exist then and will be removed:',
        '%1 variables did not exist then and will be removed:',
        removed.length
      ),
      names: removed
    },
    {
      title: trans._n(
        '%1 variable cannot be brought back and will be gone:',
        '%1 variables cannot be brought back and will be gone:',
        failures.length
      ),
      names: failures,
      reasons: failed
    },
    ...sameParts(kept, lossy, trans),
    {
      title: trans._n(
        '%1 variable is as it was already:',
        '%1 variables are as they were already:',
        unchanged.length
      ),
      names: unchanged,
      isFolded: true
    }
  ];
}

function pastParts(report: RestoreReport, trans: TranslationBundle): IPart[] {
  const { restored, removed, kept, unchanged, failed, lossy } = report;
  const failures = Object.keys(failed);
  return [
    {
      title: trans._n(
        '%1 variable has the value it had:',
        '%1 variables have the values they had:',
        restored.length
      ),
      names: restored
    },
    {
      title: trans._n(
        '%1 variable did not exist then and was removed:',
        '%1 variables did not exist then and were removed:',
        removed.length
      ),
      names: removed
    },
    {
      title: trans._n(
        '%1 variable could not be brought back and is gone:',
        '%1 variables could not be brought back and are gone:',
        failures.length
      ),
      names: failures,
      reasons: failed
    },
    ...sameParts(kept, lossy, trans),
    {
      title: trans._n(
        '%1 variable was already as it had been:',
        '%1 variables were already as they had been:',
        unchanged.length
      ),
      names: unchanged,
      isFolded: true
    }
  ];
}

function sameParts(
  kept: string[],
  lossy: { [name: string]: string },
  trans: TranslationBundle
): IPart[] {
  const lacking = Object.keys(lossy);
  return [
    {
      title: trans._n(
        '%1 live object stays; what is inside it is not rewound:',
        '%1 live objects stay; what is inside them is not rewound:',
        kept.length
      ),
      names: kept
    },
    {
      title: trans._n(
        '%1 variable comes back without a part of it:',
        '%1 variables come back without a part of them:',
        lacking.length
      ),
      names: lacking,
      reasons: lossy
    }
  ];
}

export function ReportView(props: {
  report: RestoreReport;
  trans: TranslationBundle;
}): React.ReactElement {
  const { report, trans } = props;
  const parts = partsOf(report, trans);
  return (
    <div
      className="jp-MlmReport"
      role="region"
      aria-label={trans.__('What happens to the variables')}
      tabIndex={0}
    >
      {parts.map(part => (
        <Part key={part.title} part={part} trans={trans} />
      ))}
      {parts.length === 0 && <p>{trans.__('It has no variables.')}</p>}
      {report.notes.map(note => (
        <p key={note} className="jp-MlmReport-note">
          {note}
        </p>
      ))}
    </div>
  );
}

function Part(props: { part: IPart; trans: TranslationBundle }): React.ReactElement {
  const { title, names, reasons, isFolded } = props.part;
  const list = (some: string[]) => (
    <ul className={reasons ? 'jp-mod-reasons' : ''}>
      {some.map(name => (
        <li key={name}>
          <code>{name}</code>
          {reasons && `: ${reasons[name]}`}
        </li>
      ))}
    </ul>
  );
  const rest = names.slice(SHOWN);
  if (isFolded) {
    return (
      <details>
        <summary>{title}</summary>
        {list(names)}
      </details>
    );
  }
  return (
    <section>
      <p>{title}</p>
      {list(names.slice(0, SHOWN))}
      {rest.length > 0 && (
        <details>
          <summary>{props.trans._n('and %1 more', 'and %1 more', rest.length)}</summary>
          {list(rest)}
        </details>
      )}
    </section>
  );
}

/** Tell how a restore went, in a notification with the whole report behind a button. */
export function tellReport(
  report: RestoreReport,
  label: string,
  trans: TranslationBundle,
  also = ''
): void {
  const lost = Object.keys(report.failed).length;
  const changed = report.restored.length + report.removed.length;
  const done =
    changed + lost === 0
      ? trans.__('The kernel was already as at checkpoint %1.', label)
      : trans.__('The kernel is back at checkpoint %1.', label);
  const failed = lost
    ? trans._n('%1 variable could not be restored.', '%1 variables could not be restored.', lost)
    : '';
  const message = [done, failed, also].filter(text => text).join(' ');
  Notification.emit(message, lost ? 'warning' : 'success', {
    autoClose: lost ? false : 8000,
    actions: [{ label: trans.__('Details'), callback: () => void showReport(report, label, trans) }]
  });
}

async function showReport(
  report: RestoreReport,
  label: string,
  trans: TranslationBundle
): Promise<void> {
  const body = ReactWidget.create(<ReportView report={report} trans={trans} />);
  body.addClass('jp-MlmDialog');
  await showDialog({
    title: trans.__('Restored checkpoint %1', label),
    body,
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}
