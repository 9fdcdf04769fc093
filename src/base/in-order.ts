/** Does `work` on every item, up to `width` at once, and yields the results in the items' order. */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<[item: T, result: R]> {
  const going: [T, Promise<R>][] = [];
  try {
    for (const item of items) {
      going.push([item, work(item)]);
      if (going.length < width) continue;
      const [first, result] = going.shift() as [T, Promise<R>];
      yield [first, await result];
    }
    while (going.length > 0) {
      const [first, result] = going.shift() as [T, Promise<R>];
      yield [first, await result];
    }
  } finally {
    // Whoever stops early is not interested in what the rest would have failed of.
    for (const [, result] of going) result.catch(() => {});
  }
}
