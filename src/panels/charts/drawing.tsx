/**
 * The canvas of one chart: made when it comes in sight, made anew when its look changes, fed when its points do.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type uPlot from 'uplot';

import type { IPlotEvents } from './plot';
import type { Aligned, Axis } from './series';
import type { IChartTheme } from './theme';

const HEIGHT = 220;

interface IDrawingProps extends IPlotEvents {
  /** What the picture shows, in words. */
  label: string;
  data: Aligned;
  looks: readonly number[];
  hasRaw: boolean;
  axis: Axis;
  isLog: boolean;
  theme: IChartTheme;
  trans: TranslationBundle;
  group: string;
  /** Where the chart is to be found, by who saves it. */
  drawing: React.MutableRefObject<uPlot | null>;
}

export function Drawing(props: IDrawingProps): React.JSX.Element {
  const { data, drawing } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const latest = React.useRef(props);
  latest.current = props;
  const fed = React.useRef<Aligned | null>(null);
  const isInSight = useInSight(host);
  const code = usePlotCode(isInSight);
  const looks = props.looks.join();
  React.useEffect(() => {
    const target = host.current;
    if (!target || !code) {
      return;
    }
    const { theme, axis, isLog, hasRaw, group, trans } = props;
    const style = { theme, axis, isLog, hasRaw, looks: props.looks, height: HEIGHT, trans };
    const self = code.plot(
      target,
      latest.current.data,
      { ...style, width: widthOf(target) },
      group,
      {
        onCursor: rows => latest.current.onCursor(rows),
        onZoom: share => latest.current.onZoom(share)
      }
    );
    drawing.current = self;
    fed.current = latest.current.data;
    const observer = new ResizeObserver(() => {
      if (target.clientWidth && target.clientWidth !== self.width) {
        self.setSize({ width: target.clientWidth, height: HEIGHT });
      }
    });
    observer.observe(target);
    return () => {
      observer.disconnect();
      drawing.current = null;
      self.destroy();
    };
  }, [code, props.theme, props.axis, props.isLog, props.hasRaw, looks]);
  React.useEffect(() => {
    if (drawing.current && code && fed.current !== data) {
      fed.current = data;
      code.feed(drawing.current, data, props.isLog);
    }
  }, [data]);
  return (
    <div
      ref={host}
      className="jp-MlmChart-drawing"
      role="img"
      aria-label={props.label}
      tabIndex={0}
      style={{ height: HEIGHT }}
      onKeyDown={event => {
        if (drawing.current && code?.move(drawing.current, event.key)) {
          event.preventDefault();
          event.stopPropagation();
        }
      }}
    />
  );
}

function widthOf(element: HTMLElement): number {
  return element.clientWidth || 400;
}

/** Whether an element was ever in sight: a view of fifty metrics draws what is looked at. */
function useInSight(element: React.RefObject<HTMLElement>): boolean {
  const [isInSight, setIsInSight] = React.useState(false);
  React.useEffect(() => {
    if (!element.current) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => setIsInSight(before => before || entries.some(entry => entry.isIntersecting)),
      { rootMargin: '200px' }
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return isInSight;
}

/** The code that draws, loaded when something is to be drawn; fails where it cannot be had. */
function usePlotCode(isWanted: boolean): typeof import('./plot') | null {
  const [code, setCode] = React.useState<typeof import('./plot') | null>(null);
  const [failure, setFailure] = React.useState<unknown>(null);
  React.useEffect(() => {
    if (isWanted) {
      import('./plot').then(setCode, setFailure);
    }
  }, [isWanted]);
  if (failure !== null) {
    throw failure;
  }
  return code;
}
