import { expect, test } from "vitest";
import { Random } from "../../base/random.ts";
import { anchored, anchorOf, turnedBack } from "./anchor.ts";
import { turnBetween } from "./targets.ts";

const COUNT = 200;
const rows = Array.from({ length: COUNT }, (_, row) => row);
const random = new Random(3);
const measured = Float64Array.from(rows, (row) => (row === 7 ? Number.NaN : random.uniform(0, 180)));
const wrapped = (angle: number) => ((angle % 180) + 180) % 180;
/** Angles that run with the measured ones or against them, some degrees off and turned by `offset`. */
const target = (sense: number, offset = 0) => ({
  name: "angle",
  circular: true,
  count: COUNT,
  values: measured.map((value) => wrapped(sense * (Number.isNaN(value) ? 20 : value) + offset + random.normal(0, 5))),
});

test.each([1, -1])("an angle is learned from the measured one, whichever way round it runs (%d)", (sense) => {
  // The zero point does not matter: a constant turn is learned.
  const angles = target(sense, 50);
  const anchor = anchorOf(angles, "position_angle", measured, rows);
  expect(anchor).toEqual({ column: "position_angle", sense });
  const { values } = anchored(angles, anchor, measured);
  const off = rows.filter((row) => row !== 7).map((row) => Math.abs(turnBetween(values[row], 50)));
  expect(Math.max(...off)).toBeLessThan(25);
  expect(turnBetween(values[7], angles.values[7])).toBeCloseTo(0, 9);
  const back = turnedBack({ mean: values, spread: values }, anchor, measured, rows);
  for (const row of rows) {
    expect(turnBetween(back.mean[row], angles.values[row])).toBeCloseTo(0, 9);
    expect(back.mean[row]).toBeGreaterThanOrEqual(0);
    expect(back.mean[row]).toBeLessThan(180);
  }
  // Of some objects only, in their order.
  const two = turnedBack({ mean: Float64Array.of(50, 50), spread: values }, anchor, measured, [9, 4]);
  expect(turnBetween(two.mean[0], sense * measured[9] + 50)).toBeCloseTo(0, 9);
  expect(turnBetween(two.mean[1], sense * measured[4] + 50)).toBeCloseTo(0, 9);
});

test("an angle that has nothing to do with the measured one is learned by itself, as is what is no angle", () => {
  const other = { ...target(1), values: measured.map(() => random.uniform(0, 180)) };
  expect(anchorOf(other, "position_angle", measured, rows)).toBeNull();
  expect(anchorOf({ ...target(1), circular: false }, "position_angle", measured, rows)).toBeNull();
  expect(anchorOf(target(1), undefined, null, rows)).toBeNull();
  expect(anchored(other, null, measured)).toBe(other);
});
