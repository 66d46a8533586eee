/**
 * The time as the panel tells it.
 */
import * as React from 'react';

const TICK_MS = 10_000;

/** The time now, told anew every ten seconds while the page is in view: often enough for ages, and calm. */
export function useNow(): number {
  const [now, setNow] = React.useState(Date.now);
  React.useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
