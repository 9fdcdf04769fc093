import { useEffect, useState } from "react";

/** A number that grows by one every so many milliseconds, to ask again with. */
export function useTimes(everyMs: number): number {
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTimes((count) => count + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return times;
}
