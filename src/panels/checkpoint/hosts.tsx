/**
 * What JupyterLab draws, inside React: source in a read-only editor, outputs and Markdown by the mime renderers.
 */
import { CodeEditor } from '@jupyterlab/codeeditor';
import type * as nbformat from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { type IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import type { IServices } from '../../tokens';
import { shorten } from './shorten';

export const PYTHON_CELL = 'text/x-ipython';

/** Beyond it, a button brings the others. */
const MOST_OUTPUTS = 100;

interface ISourceProps {
  services: Pick<IServices, 'editors'>;
  source: string;
  mimeType: string;
  /** What it is the source of, for those who do not see it. */
  label: string;
}

/** Highlighted code that can be selected and copied, not changed. */
export function Source({ services, source, mimeType, label }: ISourceProps): React.JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const model = new CodeEditor.Model({ mimeType });
    model.sharedModel.setSource(source.trimEnd());
    const editor = services.editors.factoryService.newInlineEditor({
      host: host.current!,
      model,
      config: { readOnly: true, lineNumbers: false, lineWrap: true }
    });
    const text = host.current!.querySelector('.cm-content');
    text?.setAttribute('aria-label', label);
    text?.setAttribute('aria-readonly', 'true');
    return () => {
      editor.dispose();
      model.dispose();
    };
  }, [services, source, mimeType, label]);
  return <div ref={host} className="jp-MlmSource jp-Editor jp-InputArea-editor" />;
}

interface IOutputsProps {
  rendermime: IRenderMimeRegistry;
  outputs: nbformat.IOutput[];
  isTrusted: boolean;
  trans: TranslationBundle;
}

/** Outputs as below a cell. Untrusted ones are sanitized, and what could run is shown by its safest form. */
export function Outputs(props: IOutputsProps): React.JSX.Element {
  const { rendermime, outputs, isTrusted, trans } = props;
  const make = React.useCallback((): Widget => {
    const values = isTrusted ? outputs : shorten(outputs, trans);
    const model = new OutputAreaModel({ values, trusted: isTrusted });
    const area = new SimplifiedOutputArea({
      model,
      rendermime,
      maxNumberOutputs: MOST_OUTPUTS
    });
    const observer = namePictures(area.node, trans.__('A picture that the cell displayed'));
    area.disposed.connect(() => {
      observer.disconnect();
      model.dispose();
    });
    return area;
  }, [rendermime, outputs, isTrusted, trans]);
  return <Hosted make={make} className="jp-MlmOutputs" />;
}

/** JupyterLab's renderer draws pictures without a text for those who do not see them. */
function namePictures(node: HTMLElement, text: string): MutationObserver {
  const name = (): void =>
    node.querySelectorAll<HTMLImageElement>('img:not([alt])').forEach(image => {
      image.alt = text;
    });
  name();
  const observer = new MutationObserver(name);
  observer.observe(node, { childList: true, subtree: true });
  return observer;
}

interface IMarkdownProps {
  rendermime: IRenderMimeRegistry;
  source: string;
  attachments?: nbformat.IAttachments;
}

/** Markdown without scripts; its attachments are part of it. */
export function Markdown({ rendermime, source, attachments }: IMarkdownProps): React.JSX.Element {
  const make = React.useCallback((): Widget => {
    const renderer = rendermime.createRenderer('text/markdown');
    const text = withAttachments(source, attachments);
    void renderer.renderModel(new MimeModel({ data: { 'text/markdown': text }, trusted: false }));
    return renderer;
  }, [rendermime, source, attachments]);
  return <Hosted make={make} className="jp-MlmMarkdown" />;
}

/** Put the pictures that a cell carries in the place of their names. */
function withAttachments(source: string, attachments: nbformat.IAttachments = {}): string {
  return source.replace(/\(attachment:([^)\s]+)\)/g, (whole, name: string) => {
    const [type, data] = Object.entries(attachments[decodeURIComponent(name)] ?? {})[0] ?? [];
    return type && typeof data === 'string' && /^image\/(png|jpeg|gif|webp)$/.test(type)
      ? `(data:${type};base64,${data.replace(/\s/g, '')})`
      : whole;
  });
}

/**
 * A Lumino widget where React draws, in an element that React leaves alone.
 *
 * A layout effect ends while the element is still in the page; a widget whose element is gone already cannot be disposed:
 * it throws, and React takes down all that is drawn around it.
 */
function Hosted(props: { make(): Widget; className: string }): React.JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  const { make } = props;
  React.useLayoutEffect(() => {
    const widget = make();
    Widget.attach(widget, host.current!);
    return () => widget.dispose();
  }, [make]);
  return <div ref={host} className={props.className} />;
}
