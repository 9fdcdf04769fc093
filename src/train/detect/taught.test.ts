import { afterAll, expect, it } from "vitest";
import { detectionFolder } from "../../../test/fixtures/detections.ts";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { readDetections } from "../../survey/detections.ts";
import { drawTaughtCrop, openTaught } from "./taught.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const DETAILS = {
  windowsPx: 64,
  channels: 8,
  classes: ["source"],
  bands: ["g", "r", "z"],
  unit: "nanomaggy",
  pixelScaleArcsec: 0.252,
  largestObjectPx: 20,
};

it("shows confirmed and drawn objects as truth, rejected ones as nothing, the others as neither", async () => {
  const path = await detectionFolder(folder.path, ["east", "west"]);
  const east = readDetections(path).filter(({ image }) => image === "east");
  const [yes, no, open] = east;
  const labels = { [yes.id]: "positive", [no.id]: "negative", [open.id]: "unsure", drawn: "positive" } as const;
  const boxes = { drawn: { field: "west", box: [280, 200, 300, 230] as [number, number, number, number] } };
  const taught = await openTaught(folder.path, [{ folder: path, labels, boxes }], DETAILS, 64, 0.5, SILENT);
  expect([taught.confirmed.length, taught.rejected.length, taught.windows.length]).toEqual([2, 1, 3]);
  const [first, second] = taught.confirmed.map((i) => taught.windows[i]);
  expect([first.width, first.height]).toEqual([96, 96]);
  // One truth each; what else was found there is neither.
  const real = ({ truths }: typeof first) => truths.filter(({ ignore, rejected }) => !ignore && !rejected);
  expect([first, second].map((window) => real(window).length)).toEqual([1, 1]);
  expect(real(first)[0].mask?.bits.some((bit) => bit === 1)).toBe(true);
  // The box at the edge: a window that was moved onto the image.
  expect(real(second)[0]).toMatchObject({ x1: 280 - 224, y1: 200 - 144, x2: 300 - 224, y2: 230 - 144 });
  const [rejected] = taught.rejected.map((i) => taught.windows[i]);
  expect(real(rejected).every(({ x1, x2 }) => x2 - x1 > 0) && real(rejected).length <= 1).toBe(true);
  const noes = rejected.truths.filter((truth) => truth.rejected);
  expect(noes.map(({ x1, x2 }) => x2 - x1)).toEqual([no.bbox[2]]);
  // Every crop of it shows the rejected source, as light without a truth.
  const random = new Random(1);
  const only = { ...taught, confirmed: [] };
  for (let draw = 0; draw < 20; draw++) {
    const { pixels, truths } = drawTaughtCrop(only, 64, random);
    expect(truths.some((truth) => truth.rejected)).toBe(true);
    const best = pixels.slice(0, 64 * 64).reduce((at, value, i, all) => (value > all[at] ? i : at), 0);
    expect(pixels[best]).toBeGreaterThan(0.5);
    expect(truths.filter(({ ignore, rejected }) => !ignore && !rejected).length).toBeLessThanOrEqual(1);
  }
  taught.store.close();
});
