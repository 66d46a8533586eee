/**
 * The pictures of comparing.
 */
import { LabIcon } from '@jupyterlab/ui-components';

const draw = (paths: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">${paths}</g></svg>`;

/** Two pages beside each other, one of them filled. */
export const compareIcon = new LabIcon({
  name: 'mlm-jupyter:compare',
  svgstr: draw('<path d="M11 3H5v18h6v2h2V1h-2v2zm0 15H7V5h4v13zM15 3h4v18h-4v-2h2V5h-2z"/>')
});

export const swapIcon = new LabIcon({
  name: 'mlm-jupyter:swap',
  svgstr: draw(
    '<path d="M7 8h11l-3-3 1.4-1.4L22 9l-5.6 5.4L15 13l3-3H7zm10 8H6l3 3-1.4 1.4L2 15l5.6-5.4L9 11l-3 3h11z"/>'
  )
});
