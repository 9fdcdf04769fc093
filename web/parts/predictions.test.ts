import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import type { ObjectPrediction } from "../../src/contract/predictions.ts";
import { ObjectPredictions } from "./predictions.tsx";

const BOXES: ObjectPrediction = {
  name: "lenses",
  task: "detect",
  column: "",
  classes: [],
  probabilities: [],
  columns: [{ name: "x", unit: "px" }, { name: "score" }],
  rows: [
    [12.5, 0.93],
    [40, 0.2],
  ],
};
const text = (set: ObjectPrediction) =>
  renderToStaticMarkup(createElement(ObjectPredictions, { sets: [set] }))
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .trim();

it("draws what a task found on an object as rows, however many", () => {
  expect(text(BOXES)).toBe("lenses found 2 x (px) score 12.5 0.93 40 0.2");
  expect(text({ ...BOXES, rows: [] })).toBe("lenses found nothing here");
  const many = text({ ...BOXES, rows: Array.from({ length: 25 }, (_, i) => [i, 0.5]) });
  expect(many).toContain("found 25");
  expect(many).toMatch(/19 0.5 and 5 more$/);
});

it("draws numbers of an object with their units, and classes with their probabilities", () => {
  expect(text({ ...BOXES, rows: [[12.5, 0.93]] })).toBe("lenses x 12.5 px score 0.93");
  const kinds = {
    ...BOXES,
    column: "kind",
    classes: ["smooth", "spiral"],
    probabilities: [0.06, 0.94],
    rows: [[0.06, 0.94]],
  };
  expect(text(kinds)).toBe("kind predicted by lenses spiral 94 % smooth 6 %");
});
