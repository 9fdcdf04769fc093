import { expect, test } from "vitest";
import { Random } from "../../base/random.ts";
import { type Anchor, anchored, anchorOf, turnedBack, withShare } from "./anchor.ts";
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

const angles = new Map([
  ["random", Float64Array.from(rows, () => random.uniform(0, 180))],
  ["position_angle", measured],
]);

test.each([1, -1])("an angle is learned from the measured one that it runs with, whichever way round (%d)", (sense) => {
  // The zero point does not matter: it is the anchor's offset.
  const truth = target(sense, 50);
  const anchor = anchorOf(truth, angles, rows) as Anchor;
  expect(anchor).toMatchObject({ column: "position_angle", sense });
  expect(turnBetween(anchor.offset as number, 50)).toBeCloseTo(0, -1);
  const { values } = anchored(truth, anchor, angles);
  const off = rows.filter((row) => row !== 7).map((row) => Math.abs(values[row]));
  expect(Math.max(...off)).toBeLessThan(25);
  const back = turnedBack({ mean: values, spread: values, mixtures: null }, anchor, angles, rows);
  for (const row of rows) {
    expect(turnBetween(back.mean[row], truth.values[row])).toBeCloseTo(0, 9);
    expect(back.mean[row]).toBeGreaterThanOrEqual(0);
    expect(back.mean[row]).toBeLessThan(180);
  }
  // Of some objects only, in their order; a head of before has neither offset nor share.
  const old = { column: anchor.column, sense: anchor.sense };
  const two = turnedBack({ mean: Float64Array.of(50, 50), spread: values, mixtures: null }, old, angles, [9, 4]);
  expect(turnBetween(two.mean[0], sense * measured[9] + 50)).toBeCloseTo(0, 9);
  expect(turnBetween(two.mean[1], sense * measured[4] + 50)).toBeCloseTo(0, 9);
});

test("of the turns that networks say as much counts as leaves least error on objects that they have not seen", () => {
  const anchor: Anchor = { column: "position_angle", sense: 1 };
  const truth = rows.map(() => random.normal(0, 10));
  const noise = rows.map(() => (random.normal(0, 10) + 180) % 180);
  expect(withShare(anchor, truth, noise).share).toBeLessThan(0.3);
  const known = truth.map((turn) => (turn / 2 + 180) % 180);
  expect(withShare(anchor, truth, known).share).toBe(1);
  const shared = { ...anchor, share: 0.5 };
  const said = { mean: Float64Array.of(170), spread: Float64Array.of(1), mixtures: null };
  const { mean } = turnedBack(said, shared, angles, [9]);
  expect(turnBetween(mean[0], measured[9] - 5)).toBeCloseTo(0, 9);
});

test("an angle that has nothing to do with a measured one is learned by itself, as is what is no angle", () => {
  const other = { ...target(1), values: measured.map(() => random.uniform(0, 180)) };
  expect(anchorOf(other, angles, rows)).toBeNull();
  expect(anchorOf({ ...target(1), circular: false }, angles, rows)).toBeNull();
  expect(anchorOf(target(1), new Map(), rows)).toBeNull();
  expect(anchored(other, null, angles)).toBe(other);
});
