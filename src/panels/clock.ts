/**
 * The time as views tell it.
 */
import * as React from 'react';

const SECOND_MS = 1000;
const CALM_MS = 10_000;

/** The time now, told anew every second while something runs, else often enough for ages; not while the page is out of view. */
export function useNow(isRunning = false): number {
  const [now, setNow] = React.useState(Date.now);
  React.useEffect(() => {
    setNow(Date.now());
    const tick = (): void => void (document.hidden || setNow(Date.now()));
    const timer = setInterval(tick, isRunning ? SECOND_MS : CALM_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
