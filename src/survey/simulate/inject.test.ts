import { expect, it } from "vitest";
import { Random } from "../../base/random.ts";
import { injectArcs } from "./inject.ts";

const SIDE = 64;
const host = new Uint8Array(3 * SIDE * SIDE).fill(20);
const inject = (seed: number) =>
  injectArcs(host, SIDE, { pixelScaleArcsec: 0.396, psfFwhmArcsec: 1.3, random: new Random(seed) });

it("paints arcs at the Einstein radius, bluer than red, and leaves the rest of the picture as it was", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const { pixels, einsteinRadiusArcsec, peak } = inject(seed);
    if (seed === 1) expect(inject(seed).pixels).toEqual(pixels);
    let [light, away, red, blue] = [0, 0, 0, 0];
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        const p = 3 * (y * SIDE + x);
        const radius = Math.hypot(x - (SIDE - 1) / 2, y - (SIDE - 1) / 2) * 0.396;
        const added = pixels[p + 1] - 20;
        light += added;
        away += added * radius;
        red += pixels[p] - 20;
        blue += pixels[p + 2] - 20;
        if (radius > einsteinRadiusArcsec + 4) expect(added).toBeLessThan(3);
      }
    expect(light).toBeGreaterThan(0);
    expect(Math.abs(away / light - einsteinRadiusArcsec)).toBeLessThan(0.8);
    expect(blue).toBeGreaterThan(red);
    expect(peak).toBeGreaterThan(0.05);
  }
});
