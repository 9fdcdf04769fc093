import { describe, expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import { legacyFlux, renderLegacy } from "../../stamps/render.ts";
import { type BankedLens, lensBank } from "../../survey/simulate/lens-bank.ts";
import { renderLens } from "../../survey/simulate/scene.ts";
import { checkPainting, paintLenses } from "./painted.ts";

const S = 128;
const sum = (values: Float32Array) => values.reduce((all, value) => all + value, 0);

/** Light of 0.03 nanomaggies a pixel and band within 8 px of the middle of 24 px. */
function disc(): BankedLens {
  const pixels = new Float32Array(3 * 24 * 24);
  const bits = new Uint8Array(16 * 16);
  for (let y = 0; y < 24; y++)
    for (let x = 0; x < 24; x++) {
      if (Math.hypot(x - 11.5, y - 11.5) > 8) continue;
      for (let band = 0; band < 3; band++) pixels[(band * 24 + y) * 24 + x] = 0.03;
      bits[(y - 4) * 16 + x - 4] = 1;
    }
  const mask = { x: 4, y: 4, width: 16, height: 16, bits };
  return { sizePx: 24, pixels, truths: [{ x1: 4, y1: 4, x2: 20, y2: 20, class: "lens", ignore: false, mask }] };
}

describe("lenses painted into crops", () => {
  const sky = renderLegacy({
    data: new Float32Array(3 * S * S).fill(0.01),
    widthPx: S,
    heightPx: S,
    bands: ["g", "r", "z"],
  });
  const old = { x1: 50, y1: 50, x2: 70, y2: 70, class: "lens", ignore: false };

  it("their light lies where they are said to be and nowhere else, away from other lenses and whole", () => {
    const bank = [disc()];
    const counts = [0, 0, 0];
    for (let seed = 1; seed <= 30; seed++) {
      const crop = { sizePx: S, pixels: sky, truths: [old] };
      const painted = paintLenses(crop, bank, new Random(seed));
      if (seed === 1) expect(paintLenses(crop, bank, new Random(seed))).toEqual(painted);
      expect(painted.truths[0]).toBe(old);
      const more = painted.truths.slice(1);
      counts[more.length]++;
      const flux = legacyFlux(painted.pixels);
      const lit = (p: number) => flux[S * S + p] > 0.025;
      for (const { x1, y1, x2, y2 } of more) {
        expect(x1 >= 0 && y1 >= 0 && x2 <= S && y2 <= S).toBe(true);
        expect(Math.hypot((x1 + x2) / 2 - 60, (y1 + y2) / 2 - 60)).toBeGreaterThanOrEqual(20);
      }
      for (let p = 0; p < S * S; p++) {
        const [x, y] = [p % S, Math.floor(p / S)];
        const inside = more.some(({ mask }) => {
          const [u, v] = [x - (mask?.x ?? 0), y - (mask?.y ?? 0)];
          return u >= 0 && v >= 0 && u < 16 && v < 16 && mask?.bits[v * 16 + u] === 1;
        });
        if (lit(p) !== inside) throw new Error(`pixel ${x}, ${y} of seed ${seed}`);
      }
    }
    // 0.4, 0.4 and 0.2 of 30.
    for (const [more, low, high] of [
      [0, 6, 18],
      [1, 6, 18],
      [2, 2, 12],
    ])
      expect(counts[more] >= low && counts[more] <= high).toBe(true);
  });

  it("a crop without room for any stays as it is", () => {
    const bright = new Float32Array(3 * S * S).fill(0.9);
    const crop = { sizePx: S, pixels: bright, truths: [] };
    for (let seed = 1; seed <= 5; seed++) expect(paintLenses(crop, [disc()], new Random(seed)).truths).toEqual([]);
  });

  it("come from a bank that is the same for the same seed, with all light that is seen", async () => {
    const bank = await lensBank(2, 7, { workers: 2 });
    for (const [i, { sizePx, pixels, truths }] of bank.entries()) {
      const scene = renderLens(new Random(7).fork(`lens ${i}`));
      // What is left out is nowhere brighter than 4e-4 nanomaggies.
      const lost = scene.planes.length - pixels.length;
      expect(sum(scene.planes) - sum(pixels)).toBeLessThan(4e-4 * lost);
      const [{ x1, y1, x2, y2, ...truth }] = truths;
      expect(x1 >= 0 && y1 >= 0 && x2 <= sizePx && y2 <= sizePx).toBe(true);
      expect(truth.mask?.bits).toEqual(scene.objects[0].mask.bits);
    }
    expect(bank[0].pixels).not.toEqual(bank[1].pixels);
  });

  it.each([
    [0, ["lens"], ["g", "r", "z"], "nanomaggy"],
    [10, ["galaxy"], ["g", "r", "z"], "nanomaggy"],
    [10, ["lens"], ["g", "r", "i"], "nanomaggy"],
    [10, ["lens"], ["g", "r", "z"], "adu"],
  ])("are refused: %j of %j in %j, %s", (count, classes, bands, unit) => {
    expect(() => checkPainting(count, classes, bands, unit)).toThrow(/--paint/);
    expect(() => checkPainting(10, ["lens", "star"], [], "picture")).not.toThrow();
  });
});
