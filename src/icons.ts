/**
 * The extension's own icons.
 */
import { LabIcon } from '@jupyterlab/ui-components';

/** A trunk with a branch: the history of a notebook. */
const HISTORY = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M7 6.9v10.2h2V13.7c.6.5 1.400.8 2.200.8h1.100c2.200 0 3.900-1.500 4.400-3.500h-2.100c-.4.9-1.200 1.500-2.300 1.500h-1.100C10 12.500 9 11.500 9 10.200V6.900z"/>
    <path d="M8 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z"/>
    <path d="M8 16a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"/>
    <path d="M16 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z"/>
  </g>
</svg>`;

export const historyIcon = new LabIcon({ name: 'mlm-jupyter:history', svgstr: HISTORY });
