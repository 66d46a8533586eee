/**
 * What time it is, for ages and running durations.
 */
import * as React from 'react';

/** The time now, told again every second while something runs, else twice a minute. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = React.useState(Date.now);
  React.useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), isRunning ? 1000 : 30_000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
