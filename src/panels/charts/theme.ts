/**
 * What charts look like: JupyterLab's theme, since a canvas knows no CSS, and how curves are told apart.
 */
import type { IThemeManager } from '@jupyterlab/apputils';
import * as React from 'react';

/** The colours and font of the theme in use. */
export interface IChartTheme {
  isLight: boolean;
  text: string;
  faint: string;
  grid: string;
  background: string;
  font: string;
  curves: readonly string[];
}

/**
 * Colours after Okabe and Ito, "Color Universal Design" (2008), which colour-blind people tell apart; darkened, or
 * lightened, until each has a contrast of 3 : 1 with the page (WCAG 2.2, 1.4.11).
 */
export const ON_LIGHT = [
  '#0072b2',
  '#c24e00',
  '#00795a',
  '#a8437f',
  '#8a6100',
  '#2f7fa8',
  '#000000',
  '#6b6b6b'
] as const;
export const ON_DARK = [
  '#56b4e9',
  '#ff8c42',
  '#2cc295',
  '#e594c4',
  '#e69f00',
  '#4a9ede',
  '#f0e442',
  '#bdbdbd'
] as const;

/** Beside its colour each curve has its own dashes (in CSS pixels). */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [8, 4],
  [2, 3],
  [10, 3, 2, 3],
  [14, 4],
  [4, 2],
  [10, 3, 2, 3, 2, 3],
  [1, 5]
];

/** Read the theme; `fonts` and colours come as the browser computes them. */
function readTheme(): IChartTheme {
  const style = getComputedStyle(document.body);
  const value = (name: string, otherwise: string): string =>
    style.getPropertyValue(name).trim() || otherwise;
  const isLight = document.body.dataset.jpThemeLight !== 'false';
  return {
    isLight,
    text: value('--jp-ui-font-color1', isLight ? '#212121' : '#fff'),
    faint: value('--jp-ui-font-color2', isLight ? '#616161' : '#bdbdbd'),
    grid: value('--jp-border-color2', isLight ? '#e0e0e0' : '#616161'),
    background: value('--jp-layout-color1', isLight ? '#fff' : '#111'),
    font: value('--jp-ui-font-family', 'system-ui, sans-serif'),
    curves: isLight ? ON_LIGHT : ON_DARK
  };
}

/** The theme, read again when it changes. */
export function useTheme(themes: IThemeManager | null): IChartTheme {
  const [theme, setTheme] = React.useState(readTheme);
  React.useEffect(() => {
    // The manager tells of the change before the browser has computed the new style.
    const onChange = (): void => void requestAnimationFrame(() => setTheme(readTheme()));
    themes?.themeChanged.connect(onChange);
    return () => void themes?.themeChanged.disconnect(onChange);
  }, [themes]);
  return theme;
}
