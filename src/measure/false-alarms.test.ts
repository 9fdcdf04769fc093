import { describe, expect, it } from "vitest";
import type { Detection, Truth } from "../contract/detection.ts";
import { matchDetections } from "./detection.ts";
import { detectionMeasures } from "./detection-measures.ts";
import { alarmTable, type FieldGrounds, falseAlarmsOn, type Ground } from "./false-alarms.ts";
import { wilsonInterval } from "./ranking.ts";

/** A detection whose middle is (x, y), 6 px wide and 12 px high: things 4 px beside its middle are in reach and not in the box. */
const found = (x: number, y: number, score: number): Detection => ({
  x1: x - 2.5,
  x2: x + 3.5,
  y1: y - 5.5,
  y2: y + 6.5,
  class: "lens",
  score,
});
const lens = (x: number, y: number, ignore = false): Truth => ({ ...found(x, y, 1), ignore });
const ground = (kind: string, x: number, y: number, rank = 99): Ground => ({ kind, x, y, reachPx: 4, rank });

const otherwise = "nothing";
const fields: FieldGrounds[] = [
  // A bright elliptical with a faint galaxy 2 px beside it, a spiral, another elliptical; a lens.
  {
    grounds: [
      ground("elliptical", 20, 20, 18),
      ground("faint", 22, 20, 24),
      ground("spiral", 60, 60, 18),
      ground("elliptical", 100, 100, 18),
      ground("lens", 80, 20, Number.NEGATIVE_INFINITY),
      ground("deflector", 80, 20, 17),
    ],
    otherwise,
  },
  { grounds: [ground("spiral", 40, 40, 18)], otherwise },
];
const truths = [{ truths: [lens(80, 20), lens(60, 100, true)] }, { truths: [] }];
const detections = [
  [
    // Nearer to the faint galaxy than to the elliptical, on which it lies all the same; and a second one on it.
    found(22, 20, 0.9),
    found(20, 25.5, 0.8), // holds it in its box, 5.5 px from its middle
    found(80, 20, 0.95), // a hit
    found(83, 20, 0.7), // the same lens again
    found(60, 100, 0.99), // ignored
    found(104.1, 100, 0.6), // 4.1 px from the elliptical
    found(64, 60, 0.2), // 4 px from the spiral, below the score
  ],
  [found(10, 10, 0.5)],
];
const matching = matchDetections(detections, truths, { class: "lens" });

describe("false alarms by what they lie on", () => {
  it("counts alarms and struck objects of each kind, hits and ignored objects left out", () => {
    const { alarms, kinds } = falseAlarmsOn(matching, fields, 0.5);
    expect(alarms).toBe(5);
    const count = (kind: string) => {
      const { alarms: on, objects } = kinds.find((one) => one.kind === kind) ?? { alarms: null, objects: null };
      return [on?.hits, on?.tries, objects?.hits, objects?.tries];
    };
    expect(count("elliptical")).toEqual([2, 5, 1, 2]);
    expect(count(otherwise)).toEqual([2, 5, undefined, undefined]);
    expect(count("lens")).toEqual([1, 5, 1, 1]);
    expect(count("deflector")).toEqual([0, 5, 0, 1]);
    expect(count("faint")).toEqual([0, 5, 0, 1]);
    expect(count("spiral")).toEqual([0, 5, 0, 2]);
    expect(kinds.map(({ kind }) => kind).slice(0, 3)).toEqual(["elliptical", otherwise, "lens"]);
    expect(kinds[0].alarms.interval).toEqual(wilsonInterval(2, 5));
    expect(kinds[0].objects?.interval).toEqual(wilsonInterval(1, 2));
  });

  it("takes in what lies exactly in reach, from the score on", () => {
    const spirals = (score: number) =>
      falseAlarmsOn(matching, fields, score).kinds.find(({ kind }) => kind === "spiral")?.objects;
    expect(spirals(0.2)).toMatchObject({ hits: 1, tries: 2 });
    expect(spirals(0.21)).toMatchObject({ hits: 0, tries: 2 });
  });

  it("has nothing to tell of no false alarms, and lists every kind", () => {
    const none = falseAlarmsOn(matching, fields, Number.POSITIVE_INFINITY);
    expect(none.alarms).toBe(0);
    expect(none.kinds.every(({ alarms }) => alarms.hits === 0)).toBe(true);
    expect(alarmTable([none])).toBe(
      "| lies on | 0 at no score | share of such objects |\n| --- | --- | --- |\n\nNone on deflector (1), elliptical (2), faint (1), lens (1), spiral (2).",
    );
  });

  it("stands in a detector's measures at the score, and at 0.1 false alarms a field", () => {
    const many = <T>(some: T[]) => Array.from({ length: 20 }, (_, i) => some[i % 2]);
    const { falseAlarms } = detectionMeasures(many(detections), many(truths), {
      class: "lens",
      threshold: 0.5,
      grounds: many(fields),
    });
    // Ten times the field above: two alarms are allowed, and the surest come ten at a time.
    expect(falseAlarms?.map(({ score, alarms }) => [score, alarms])).toEqual([
      [0.5, 50],
      [0.95, 0],
    ]);
    expect(alarmTable(falseAlarms ?? [])).toContain("| elliptical | 20 | 10 of 20: 0.500 [0.299, 0.701] | 0 | 0 of 20");
    expect(detectionMeasures(detections, truths, { class: "lens" }).falseAlarms).toBeNull();
  });
});
