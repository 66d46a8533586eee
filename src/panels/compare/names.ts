/**
 * Accessible names for what nbdime draws without: its collapse buttons, editors and menus.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** Name every control below `node`, which nbdime has drawn, and take the one away that trusts an output. */
export function addNames(node: HTMLElement, trans: TranslationBundle): void {
  node
    .querySelectorAll<HTMLElement>('.jp-CollapsiblePanel')
    .forEach(panel => nameCollapser(panel, trans));
  node.querySelectorAll<HTMLElement>('.cm-content').forEach(editor => {
    editor.setAttribute('aria-label', editorName(editor, trans));
    editor.setAttribute('aria-readonly', 'true');
  });
  node.querySelectorAll<HTMLElement>('.cm-collapsedLines').forEach(nameCollapsedLines);
  node
    .querySelectorAll<HTMLElement>('.jp-Diff-outputMenu select')
    .forEach(select => select.setAttribute('aria-label', trans.__('Show the output as')));
  // One slip of the mouse must not run what a store holds.
  node
    .querySelectorAll<HTMLButtonElement>('.jp-Diff-trustOutputButton')
    .forEach(button => (button.disabled = true));
}

function nameCollapser(panel: HTMLElement, trans: TranslationBundle): void {
  const header = panel.querySelector<HTMLElement>('.jp-CollapsiblePanel-header');
  const button = panel.querySelector<HTMLElement>('.jp-CollapsiblePanel-header-icon');
  const slider = panel.querySelector<HTMLElement>('.jp-CollapsiblePanel-slider');
  if (!header || !button || !slider) {
    return;
  }
  const tell = (): void =>
    button.setAttribute(
      'aria-expanded',
      String(!slider.classList.contains('jp-CollapsiblePanel-closed'))
    );
  button.setAttribute('aria-label', header.textContent || trans.__('Details'));
  tell();
  // nbdime's own handler is on the header, and runs before this one.
  header.addEventListener('click', tell);
}

function editorName(editor: HTMLElement, trans: TranslationBundle): string {
  const isOf = (selector: string): boolean => editor.closest(selector) !== null;
  const what = isOf('.jp-Cellrow-metadata, .jp-Metadata-diff')
    ? trans.__('Metadata')
    : isOf('.jp-Cellrow-outputs')
      ? trans.__('Output')
      : trans.__('Source of the cell');
  if (isOf('.cm-merge-pane-unchanged')) {
    return trans.__('%1, unchanged', what);
  }
  return isOf('.cm-merge-right-editor, .cm-diff-right-editor, .cm-merge-pane-added')
    ? trans.__('%1, of the other', what)
    : trans.__('%1, of the base', what);
}

function nameCollapsedLines(lines: HTMLElement): void {
  lines.setAttribute('role', 'button');
  lines.tabIndex = 0;
  lines.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      event.stopPropagation();
      lines.click();
    }
  });
}
