import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { starsAt } from "../../test/fixtures/stars.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { SILENT } from "../base/progress.ts";
import { Random } from "../base/random.ts";
import { writeFitsImage } from "../survey/fits.ts";
import { CLASSICAL } from "./classical.ts";
import { findClassical, findInImage } from "./run.ts";
import { isOwn, tilesOf } from "./tiles.ts";
import { openWide } from "./wide-image.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe("tiles", () => {
  it("cover an image once by their cores, wherever the grid begins", () => {
    for (const [W, H, size, overlap, start] of [
      [100, 100, 128, 32, 0],
      [1000, 700, 256, 64, 0],
      [513, 256, 256, 64, 0],
      [1000, 700, 256, 64, 100],
    ]) {
      const tiles = tilesOf(W, H, size, overlap, start);
      for (let y = 0; y < H; y += 7)
        for (let x = 0; x < W; x += 7)
          expect(
            tiles.filter((tile) => isOwn(tile, { x1: x, y1: y, x2: x, y2: y })).length,
            `${x} ${y} of ${W} x ${H}`,
          ).toBe(1);
      for (const { x0, y0, width, height } of tiles) {
        expect(x0 >= 0 && y0 >= 0 && x0 + width <= W && y0 + height <= H && width <= size && height <= size).toBe(true);
      }
    }
  });

  it("give what one large tile gives, and go on where one of them fails or is empty", async () => {
    const random = new Random(5);
    const pixels = Array.from({ length: 60 }, (): [number, number] => [
      random.uniform(10, 590),
      random.uniform(10, 390),
    ]);
    const data = starsAt(pixels, 600, 400);
    for (let band = 0; band < 3; band++)
      for (let y = 0; y < 130; y++) data.fill(Number.NaN, (band * 400 + y) * 600, (band * 400 + y) * 600 + 130);
    writeFitsImage(join(folder.path, "tiles.fits"), { widthPx: 600, heightPx: 400, planes: 3, data });
    const image = await openWide(join(folder.path, "tiles.fits"), null, 32);
    const find = findClassical(CLASSICAL);
    const whole = await findInImage(image, find, { tilePx: 1280, overlapPx: 256 }, SILENT);
    const parts = await findInImage(image, find, { tilePx: 200, overlapPx: 80 }, SILENT);
    expect(parts.tiles).toBe(15);
    const near = (a: (typeof whole.found)[number], b: (typeof whole.found)[number]) =>
      Math.hypot(a.x - b.x, a.y - b.y) < 0.3;
    const bright = whole.found.filter(({ snr }) => (snr ?? 0) > 50);
    expect(bright.length).toBeGreaterThan(40);
    for (const one of bright) expect(parts.found.filter((other) => near(one, other)).length).toBe(1);
    const empty = await findInImage(image, find, { tilePx: 128, overlapPx: 32 }, SILENT);
    expect(empty.problems).toContainEqual(
      expect.objectContaining({ code: "TILE_EMPTY", source: "tiles tile 0,0 (0, 0)" }),
    );
    const failing = await findInImage(
      image,
      (part, of) => (part.tile === "1,0" ? Promise.reject(new Error("no")) : find(part, of)),
      { tilePx: 200, overlapPx: 80 },
      SILENT,
    );
    expect(failing.problems.map(({ code }) => code)).toContain("TILE_FAILED");
    expect(failing.found.length).toBeGreaterThan(20);
    image.close();
  });
});
