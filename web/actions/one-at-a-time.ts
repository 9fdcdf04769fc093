/**
 * `ask` so that it never runs twice at once: all who ask while it runs share one more run, which begins when that has
 * ended, whatever came of it.
 */
export function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;
  const over = () => {
    running = null;
  };
  const begin = (): Promise<T> => {
    next = null;
    running = ask();
    running.then(over, over);
    return running;
  };
  return () => {
    if (running === null) return next ?? begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
