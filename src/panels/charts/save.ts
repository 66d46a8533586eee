/**
 * Charts as files.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type uPlot from 'uplot';

import { DASHES, type IChartTheme } from './theme';

const MARGIN = 12;
const LINE = 18;

/** Offer something to be saved under a name. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replace(/[\\/:*?"<>|]+/g, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A chart as a picture that stands on its own: with its title, the names of its curves and the theme's background. */
export function toPng(
  self: uPlot,
  title: string,
  legend: readonly { label: string; look: number }[],
  theme: IChartTheme,
  trans: TranslationBundle
): Promise<Blob> {
  const { canvas: drawn } = self.ctx;
  const scale = drawn.width / self.width;
  const canvas = document.createElement('canvas');
  const width = self.width + 2 * MARGIN;
  const top = MARGIN + LINE;
  const height = top + self.height + legend.length * LINE + MARGIN;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  context.fillStyle = theme.text;
  context.font = `bold 13px ${theme.font}`;
  context.fillText(title, MARGIN, MARGIN + 10, self.width);
  context.drawImage(drawn, MARGIN, top, self.width, self.height);
  context.font = `12px ${theme.font}`;
  legend.forEach(({ label, look }, index) => {
    const y = top + self.height + (index + 0.5) * LINE;
    context.strokeStyle = theme.curves[look % theme.curves.length];
    context.lineWidth = 2;
    context.setLineDash([...DASHES[look % DASHES.length]]);
    context.beginPath();
    context.moveTo(MARGIN, y);
    context.lineTo(MARGIN + 28, y);
    context.stroke();
    context.fillText(label, MARGIN + 36, y + 4, self.width - 36);
  });
  return new Promise((resolve, reject) =>
    canvas.toBlob(blob =>
      blob
        ? resolve(blob)
        : reject(new Error(trans.__('The browser made no picture of the chart.')))
    )
  );
}
