/**
 * The extension's own icons.
 */
import { LabIcon } from '@jupyterlab/ui-components';

/** A trunk with a branch: the history of a notebook. */
const HISTORY = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M7 7h2v5h4a3 3 0 0 0 3-3v-1h2v1a5 5 0 0 1-5 5H9v4H7z"/>
    <path d="M8 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z"/>
    <path d="M8 16a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"/>
    <path d="M17 3a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z"/>
  </g>
</svg>`;

export const historyIcon = new LabIcon({ name: 'mlm-jupyter:history', svgstr: HISTORY });
