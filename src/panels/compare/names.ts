/**
 * Accessible names for what nbdime draws without: its collapse buttons, editors and menus.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

/** The number, from 1, of a cell in the base and in the other; null where it is in one only. */
export interface INumbers {
  base: number | null;
  other: number | null;
}

/** Name every control below `node`, where nbdime has drawn a cell, and take the one away that trusts an output. */
export function addNames(node: HTMLElement, numbers: INumbers, trans: TranslationBundle): void {
  node
    .querySelectorAll<HTMLElement>('.jp-CollapsiblePanel')
    .forEach(panel => nameCollapser(panel, trans));
  node.querySelectorAll<HTMLElement>('.cm-content').forEach(editor => {
    editor.setAttribute('aria-label', editorName(editor, numbers, trans));
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

function editorName(editor: HTMLElement, numbers: INumbers, trans: TranslationBundle): string {
  const { base, other } = numbers;
  const isOf = (selector: string): boolean => editor.closest(selector) !== null;
  const name = (number: number | null): string =>
    isOf('.jp-Cellrow-metadata, .jp-Metadata-diff')
      ? trans.__('Metadata of cell %1', number)
      : isOf('.jp-Cellrow-outputs')
        ? trans.__('Output of cell %1', number)
        : trans.__('Source of cell %1', number);
  if (isOf('.cm-merge-pane-unchanged')) {
    return trans.__('%1, unchanged', name(other ?? base));
  }
  const isOther = isOf('.cm-merge-right-editor, .cm-diff-right-editor, .cm-merge-pane-added');
  return isOther || base === null
    ? trans.__('%1, in the other', name(other))
    : trans.__('%1, in the base', name(base));
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
