import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BoxPx, Detection, Truth } from "../contract/detection.ts";
import { apOf, bootstrapAp, cocoFigures, matchDetections } from "./detection.ts";
import { atThreshold, completenessBy, froc, matchNearest, shownShare } from "./detection-rates.ts";

// By an independent implementation that equals pycocotools 2.0.11 to 2e-16 (test/golden/gen/coco_ap.py).
const golden = JSON.parse(readFileSync(new URL("../../test/golden/coco-ap.json", import.meta.url), "utf8")) as Record<
  "box" | "mask",
  (number | null)[]
>[];

/** The sets of coco_ap.py. */
function drawSet(seed: number): { truths: Truth[][]; found: Detection[][] } {
  let state = seed;
  const whole = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const drawBox = () => {
    const [x, y] = [whole(80), whole(64)];
    return [x, y, Math.min(96, x + 1 + whole(50)), Math.min(80, y + 1 + whole(50))];
  };
  const region = ([x1, y1, x2, y2]: number[], k: number) => {
    const [width, height] = [x2 - x1, y2 - y1];
    const set = (p: number) => ((x1 + (p % width)) * 7 + (y1 + Math.floor(p / width)) * 13 + k) % 5 !== 0;
    const bits = Uint8Array.from({ length: width * height }, (_, p) => Number(set(p)));
    return { x1, y1, x2, y2, class: "a", mask: { x: x1, y: y1, width, height, bits } };
  };
  const truths: Truth[][] = [];
  const found: Detection[][] = [];
  for (let images = 2 + whole(4); images > 0; images--) {
    const boxes: number[][] = [];
    truths.push(
      Array.from({ length: whole(7) }, () => {
        boxes.push(drawBox());
        const ignore = whole(7) === 0;
        return { ...region(boxes.at(-1) as number[], whole(5)), ignore };
      }),
    );
    found.push(
      Array.from({ length: whole(12) }, () => {
        let box: number[];
        if (boxes.length > 0 && whole(3) > 0) {
          const [a, b, c, d] = boxes[whole(boxes.length)];
          const [x1, y1] = [Math.max(0, a + whole(5) - 2), Math.max(0, b + whole(5) - 2)];
          box = [
            x1,
            y1,
            Math.min(96, Math.max(x1 + 1, c + whole(5) - 2)),
            Math.min(80, Math.max(y1 + 1, d + whole(5) - 2)),
          ];
        } else box = drawBox();
        const score = whole(20) / 20;
        return { ...region(box, whole(5)), score };
      }),
    );
  }
  return { truths, found };
}

describe("COCO's average precision", () => {
  it("equals the reference on 50 random sets, boxes and masks, to 1e-9", () => {
    let worst = 0;
    for (const [i, expected] of golden.entries()) {
      const { truths, found } = drawSet(i + 1);
      for (const kind of ["box", "mask"] as const) {
        const fields = truths.map((all) => ({ truths: all }));
        const { ap, ap50, ap75, apSmall, apMedium, apLarge, recall } = cocoFigures(found, fields, { class: "a", kind });
        for (const [j, value] of [ap, ap50, ap75, apSmall, apMedium, apLarge, recall].entries()) {
          expect(value === null, `set ${i + 1}, ${kind}, figure ${j}`).toBe(expected[kind][j] === null);
          worst = Math.max(worst, Math.abs((value ?? 0) - (expected[kind][j] ?? 0)));
        }
      }
    }
    console.log(`50 sets: largest difference ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(1e-9);
  });
});

const box = (x: number, side = 10): BoxPx => ({ x1: x, y1: 0, x2: x + side, y2: 10 });
const truth = (x: number, ignore = false): Truth => ({ ...box(x), class: "a", ignore });
const found = (x: number, score: number, side = 10): Detection => ({ ...box(x, side), class: "a", score });
const ap50 = (truths: Truth[], detections: Detection[]) =>
  apOf(matchDetections([detections], [{ truths }], { class: "a" }));

describe("cases worked by hand", () => {
  it("no detection is 0; nothing to find is neither 0 nor 1; all found is 1", () => {
    expect(ap50([truth(0)], [])).toBe(0);
    expect(ap50([], [found(0, 0.5)])).toBeNull();
    expect(ap50([truth(0, true)], [])).toBeNull();
    expect(ap50([truth(0), truth(50)], [found(0, 0.9), found(50, 0.8)])).toBe(1);
  });
  it("one of two found is 51 of 101 points", () => {
    expect(ap50([truth(0), truth(50)], [found(0, 0.9)])).toBeCloseTo(51 / 101, 12);
  });
  it("a second detection of one object is a false alarm", () => {
    // Found, false, found: precision 1 up to recall 0.5, 2/3 beyond.
    expect(ap50([truth(0), truth(50)], [found(0, 0.9), found(1, 0.8), found(50, 0.7)])).toBeCloseTo(
      (51 + 50 * (2 / 3)) / 101,
      12,
    );
  });
  it("a false alarm that scores higher than a hit costs, one that scores lower does not", () => {
    expect(ap50([truth(0)], [found(0, 0.9), found(80, 0.8)])).toBe(1);
    expect(ap50([truth(0)], [found(0, 0.8), found(80, 0.9)])).toBe(0.5);
  });
  it("an overlap that is exactly the threshold counts", () => {
    // 10 x 10 against 20 x 10: 100 / 200.
    expect(ap50([truth(0)], [found(0, 0.9, 20)])).toBe(1);
    expect(ap50([truth(0)], [found(0, 0.9, 21)])).toBe(0);
  });
  it("a detection of an ignored object is neither hit nor false alarm, however often", () => {
    expect(ap50([truth(0), truth(50, true)], [found(50, 0.9), found(51, 0.8), found(0, 0.7)])).toBe(1);
  });
  it("of two objects under one detection one is found", () => {
    expect(ap50([truth(0), truth(2)], [found(1, 0.9)])).toBeCloseTo(51 / 101, 12);
  });
  it("ties keep the order in which they came", () => {
    expect(ap50([truth(0)], [found(0, 0.5), found(80, 0.5)])).toBe(1);
    expect(ap50([truth(0)], [found(80, 0.5), found(0, 0.5)])).toBe(0.5);
  });
  it("another class does not count, and scores are numbers", () => {
    expect(ap50([truth(0)], [{ ...found(0, 0.9), class: "b" }])).toBe(0);
    expect(() => ap50([truth(0)], [found(0, Number.NaN)])).toThrow(/NaN/);
    expect(() => matchDetections([], [{ truths: [] }], { class: "a" })).toThrow(/0 lists of detections for 1 fields/);
  });
});

describe("rates", () => {
  // Two fields, three objects; scores 0.9 hit, 0.8 false, 0.7 hit and false together, 0.6 hit.
  const fields = [{ truths: [truth(0), truth(50)] }, { truths: [truth(0)] }];
  const matching = matchDetections(
    [
      [found(0, 0.9), found(80, 0.8), found(50, 0.7)],
      [found(80, 0.7), found(0, 0.6)],
    ],
    fields,
    { class: "a" },
  );
  it("count real detections at a rate of false alarms, those of one score together", () => {
    const points = froc(matching, [0.01, 0.5, 0.6, 1]);
    expect(points.map(({ score, completeness: { hits } }) => [score, hits])).toEqual([
      [0.9, 1],
      [0.8, 1],
      [0.8, 1],
      [0.6, 3],
    ]);
    expect(points.map(({ falseAlarms }) => falseAlarms)).toEqual([0, 1, 1, 2]);
    expect(froc(matchDetections([[found(80, 0.9)], []], fields, { class: "a" }), [0.1])[0].score).toBe(Infinity);
  });
  it("have Wilson's intervals, and no number of fewer than five", () => {
    const { purity, completeness } = atThreshold(matching, 0.7);
    expect([purity.hits, purity.tries, completeness.hits, completeness.tries]).toEqual([2, 4, 2, 3]);
    // Wilson for 2 of 4: 0.15 to 0.85.
    expect(purity.interval.map((end) => Number(end.toFixed(2)))).toEqual([0.15, 0.85]);
    expect(shownShare(purity)).toBe("-");
    expect(shownShare({ ...purity, tries: 5 })).toBe("0.50 [0.15, 0.85]");
    const bins = completenessBy(matching, 0.65, [0, 1, 2, 3], (field, index) => field + index);
    expect(bins.map(({ hits, tries }) => [hits, tries])).toEqual([
      [1, 1],
      [1, 2],
      [0, 0],
    ]);
  });
  it("vary with the fields that happen to be drawn", () => {
    expect(bootstrapAp(matching, 200, 1)).toBeGreaterThan(0.02);
    expect(bootstrapAp(matching, 200, 1)).toBe(bootstrapAp(matching, 200, 1));
    expect(
      bootstrapAp(
        matchDetections([[found(0, 1)], [found(0, 1)]], [{ truths: [truth(0)] }, { truths: [truth(0)] }], {
          class: "a",
        }),
        50,
        1,
      ),
    ).toBe(0);
  });
  it("by place: the nearest free object within reach, nothing where it is not judged", () => {
    const { matched } = matchNearest(
      [[found(0, 0.9), found(1, 0.8), found(30, 0.7), found(60, 0.6)]],
      [[box(1), box(3)]],
      { nearPx: 4, elsewhere: [[box(58)]] },
    );
    expect(matched.map(({ truth: hit, ignored }) => [hit, ignored])).toEqual([
      [0, false],
      [1, false],
      [-1, false],
      [-1, true],
    ]);
  });
});
