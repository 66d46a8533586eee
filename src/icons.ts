/**
 * The pictures that JupyterLab's own set lacks.
 */
import { LabIcon } from '@jupyterlab/ui-components';

function draw(name: string, ...paths: string[]): LabIcon {
  const drawn = paths.map(path => `<path d="${path}"/>`).join('');
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">${drawn}</g>
</svg>`;
  return new LabIcon({ name: `mlm-jupyter:${name}`, svgstr });
}

/** A trunk with a branch: the history of a notebook. */
export const historyIcon = draw(
  'history',
  'M7 7h2v5h4a3 3 0 0 0 3-3v-1h2v1a5 5 0 0 1-5 5H9v4H7z',
  'M8 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z',
  'M8 16a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  'M17 3a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0 2a1 1 0 1 1 0 2 1 1 0 0 1 0-2z'
);

/** A bookmark: a place to come back to. */
export const checkpointIcon = draw(
  'checkpoint',
  'M17 3H7a2 2 0 0 0-2 2v16l7-3 7 3V5a2 2 0 0 0-2-2zm0 15-5-2.2L7 18V5h10v13z' +
    'M11 7v2.5H8.5v2H11V14h2v-2.5h2.5v-2H13V7h-2z'
);

/** An arrow back around a moment. */
export const restoreIcon = draw(
  'restore',
  'M12 3a9 9 0 0 0-9 9H0l4 4.5L8 12H5a7 7 0 1 1 2.6 5.45l-1.3 1.53A9 9 0 1 0 12 3z' +
    'M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z'
);

/** Two pages beside each other, one of them filled. */
export const compareIcon = draw(
  'compare',
  'M11 3H5v18h6v2h2V1h-2v2zm0 15H7V5h4v13zM15 3h4v18h-4v-2h2V5h-2z'
);

/** Two arrows past each other. */
export const swapIcon = draw(
  'swap',
  'M7 8h11l-3-3 1.4-1.4L22 9l-5.6 5.4L15 13l3-3H7zm10 8H6l3 3-1.4 1.4L2 15l5.6-5.4L9 11l-3 3h11z'
);
