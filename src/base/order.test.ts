import fc from "fast-check";
import { expect, it } from "vitest";
import { descendingOrder, kthGreatest } from "./order.ts";

const numbers = fc.array(
  fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: false }), fc.constantFrom(0, -0, 1, -1, Number.NaN)),
  { maxLength: 300 },
);
/** Left before right where negative: the greater first, NaN last. */
const compared = (left: number, right: number) =>
  Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || Number(left < right) - Number(left > right);

it("descending order is the stable one, with NaN last", () => {
  fc.assert(
    fc.property(numbers, (list) => {
      const values = Float32Array.from(list);
      const expected = Array.from(values.keys()).sort((a, b) => compared(values[a], values[b]) || a - b);
      expect([...descendingOrder(values)]).toEqual(expected);
    }),
  );
});

it("the k-th greatest is that of the order", () => {
  fc.assert(
    fc.property(numbers, fc.nat(), (list, at) => {
      fc.pre(list.length > 0);
      const values = Float32Array.from(list);
      const order = descendingOrder(values);
      const expected = values[order[at % values.length]];
      // Zero and minus zero are equal.
      expect(kthGreatest(values, (at % values.length) + 1) + 0).toEqual(expected + 0);
    }),
  );
});

it("a million numbers are in order sooner than by a comparator", () => {
  const values = Float32Array.from({ length: 1_000_000 }, (_, i) => Math.sin(i * 12.9898) * 43758.5453);
  const used = (body: () => unknown) => {
    const start = process.cpuUsage();
    body();
    return process.cpuUsage(start).user;
  };
  let order: Uint32Array = new Uint32Array();
  const radix = used(() => (order = descendingOrder(values)));
  const comparator = used(() => Uint32Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b));
  expect(radix).toBeLessThan(comparator);
  for (let i = 1; i < order.length; i += 997) expect(values[order[i - 1]]).toBeGreaterThanOrEqual(values[order[i]]);
});
