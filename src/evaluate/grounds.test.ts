import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import type { Field, Truth } from "../contract/detection.ts";
import { groundsOf, readBackgroundKinds } from "./grounds.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const truth = (name: string, x: number, values?: Truth["values"]): Truth => ({
  x1: x - 4,
  x2: x + 5,
  y1: 6,
  y2: 15,
  class: name,
  ignore: false,
  values,
});
const field = (truths: Truth[], background = "a"): Field => ({
  id: "a",
  path: "a.png",
  width: 101,
  height: 61,
  truths,
  background,
});

it("knows objects by their kind, ellipticals beside a neighbour apart, and those of the class first", () => {
  const truths = [
    truth("galaxy", 20, { kind: "elliptical", x: 20.5, y: 9.5, magR: 18 }),
    truth("galaxy", 30, { kind: "neighbour", magR: 23 }),
    truth("galaxy", 60, { kind: "elliptical", magR: 19 }),
    truth("star", 80),
    truth("lens", 90, { kind: "lens", magR: 22 }),
  ];
  const [{ grounds, otherwise }] = groundsOf([field(truths)], "lens") ?? [];
  expect(grounds.map(({ kind, x, y, rank }) => [kind, x, y, rank])).toEqual([
    ["elliptical with a neighbour", 20.5, 9.5, 18],
    ["neighbour", 30, 10, 23],
    ["elliptical", 60, 10, 19],
    ["star", 80, 10, 99],
    ["lens", 90, 10, Number.NEGATIVE_INFINITY],
  ]);
  expect(otherwise).toBe("nothing in the box or within 4 px");
});

it("takes what a background is of from a table or the annotations; without either it knows nothing of painted fields", async () => {
  const painted = [field([truth("lens", 20)], "images/b_1.jpg"), { ...field([], "c.png"), backgroundClass: "merger" }];
  expect(groundsOf(painted.slice(0, 1), "lens")).toBeNull();
  const table = join(folder.path, "labels.csv");
  writeFileSync(table, "id,file,label\nx,images/b_1.jpg,spiral\n");
  const [first, second] = groundsOf(painted, "lens", await readBackgroundKinds(table)) ?? [];
  expect(first.grounds.map(({ kind, x, y, reachPx }) => [kind, x, y, reachPx])).toEqual([
    ["lens", 20, 10, 4],
    ["spiral", 50, 30, 20],
  ]);
  expect(second.grounds).toMatchObject([{ kind: "merger" }]);
  expect(second.otherwise).toBe("elsewhere in the image");
  writeFileSync(table, "name,kind\nb,spiral\n");
  await expect(readBackgroundKinds(table)).rejects.toMatchObject({ code: "COLUMN_MISSING" });
});
