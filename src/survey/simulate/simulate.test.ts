import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { openSurvey } from "../folder.ts";
import { addComponent, colourOf, fluxOf, magnitudeOf, newFrame } from "./frame.ts";
import { CLASS_SHARES, drawGalaxy, renderGalaxy, renderIdeal, simulateSurvey } from "./index.ts";
import { traceBack } from "./lens.ts";
import { addNoise, skySigma } from "./noise.ts";
import { sersic } from "./profiles.ts";
import { moffatKernel, spread } from "./psf.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const many = Array.from({ length: 300 }, (_, i) => drawGalaxy(new Random(9).fork(i)));

describe("population", () => {
  it("has every kind in its share, with sane parameters", () => {
    for (const [label, share] of Object.entries(CLASS_SHARES)) {
      const found = many.filter((galaxy) => galaxy.label === label).length / many.length;
      expect(Math.abs(found - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / many.length) + 0.005);
    }
    for (const galaxy of many) {
      expect(galaxy.magR).toBeGreaterThan(11);
      expect(galaxy.magR).toBeLessThan(21);
      expect(galaxy.axisRatio).toBeGreaterThan(0.05);
      expect(galaxy.axisRatio).toBeLessThanOrEqual(1);
      expect(galaxy.label === "lens").toBe(galaxy.einsteinRadiusArcsec !== null);
    }
  });
});

describe("light", () => {
  it("is conserved: a galaxy's flux without dust, tails and lensing is its catalogue flux", () => {
    for (const galaxy of many.filter(({ label }) => label === "elliptical" || label === "lenticular").slice(0, 12)) {
      const { planes } = renderIdeal(galaxy, 96);
      const expected = colourOf(galaxy.magR, galaxy.gMinusR, galaxy.rMinusZ);
      const total = planes.subarray(96 * 96, 2 * 96 * 96).reduce((sum, value) => sum + value, 0);
      expect(total / expected[1]).toBeCloseTo(1, 2);
    }
    expect(magnitudeOf(fluxOf(19.3))).toBeCloseTo(19.3, 9);
  });
  it("falls as a Sersic profile does: half of it inside the half-light radius", () => {
    for (const n of [1, 4]) {
      const frame = newFrame(256);
      const profile = sersic(n, 10);
      addComponent(frame, { x: 127.5, y: 127.5, angle: 0, axisRatio: 1 }, [1, 1, 1], (u, v) =>
        profile(Math.hypot(u, v)),
      );
      let inside = 0;
      for (let y = 0; y < 256; y++)
        for (let x = 0; x < 256; x++) if (Math.hypot(x - 127.5, y - 127.5) < 10) inside += frame.planes[y * 256 + x];
      expect(inside).toBeGreaterThan(0.47);
      expect(inside).toBeLessThan(n === 4 ? 0.57 : 0.53);
    }
  });
  it("is spread by a Moffat of the stated width that keeps the flux", () => {
    const frame = newFrame(64);
    frame.planes[32 * 64 + 32] = 1;
    const kernel = moffatKernel(5, 3.2);
    const plane = spread(frame, [kernel, kernel, kernel]).subarray(0, 64 * 64);
    expect(plane.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    const at = (r: number) => plane[32 * 64 + 32 + r] / plane[32 * 64 + 32];
    const half = at(2) + (at(3) - at(2)) * 0.5;
    expect(half).toBeCloseTo(0.5, 1);
  });
});

describe("noise", () => {
  it("has the stated sigma, and a point source the stated depth", () => {
    const planes = new Float32Array(3 * 256 * 256);
    const sigmas = [skySigma(24.7, 1.4), 0.003, 0.008];
    addNoise(planes, 256, sigmas, new Random(1));
    for (const [band, sigma] of sigmas.entries()) {
      const plane = planes.subarray(band * 65536, (band + 1) * 65536);
      expect(Math.sqrt(plane.reduce((sum, value) => sum + value * value, 0) / plane.length) / sigma).toBeCloseTo(1, 1);
    }
    // Sum over a PSF-sized patch: the shared noise makes it what the depth says within a tenth.
    const s = 1.4 / 2.3548 / 0.262;
    const side = Math.round(Math.sqrt(4 * Math.PI * s * s));
    const sums: number[] = [];
    for (let y = 0; y + side <= 256; y += side)
      for (let x = 0; x + side <= 256; x += side) {
        let sum = 0;
        for (let j = 0; j < side; j++) for (let i = 0; i < side; i++) sum += planes[(y + j) * 256 + x + i];
        sums.push(sum);
      }
    const scatter = Math.sqrt(sums.reduce((total, value) => total + value * value, 0) / sums.length);
    expect((5 * scatter) / fluxOf(24.7)).toBeGreaterThan(0.8);
    expect((5 * scatter) / fluxOf(24.7)).toBeLessThan(1.2);
  });
});

describe("lensing", () => {
  it("shows a source on the axis as a ring at the Einstein radius, and bends an elliptical lens's rays continuously", () => {
    for (let angle = 0; angle < 6; angle += 0.7) {
      const [x, y] = traceBack(
        { einsteinRadius: 12, axisRatio: 1, angle: 0 },
        12 * Math.cos(angle),
        12 * Math.sin(angle),
      );
      expect(Math.hypot(x, y)).toBeLessThan(1e-9);
    }
    const round = traceBack({ einsteinRadius: 12, axisRatio: 0.9999, angle: 0.3 }, 20, 5);
    const almost = traceBack({ einsteinRadius: 12, axisRatio: 0.998, angle: 0.3 }, 20, 5);
    expect(Math.hypot(round[0] - almost[0], round[1] - almost[1])).toBeLessThan(0.05);
  });
});

describe("survey", () => {
  it("is the same for the same seed whatever the number of workers, with every parameter in its catalogue", async () => {
    const make = (name: string, workers: number) =>
      simulateSurvey(`${folder.path}/${name}`, {
        count: 10,
        seed: 4,
        sizePx: 64,
        workers,
        progress: SILENT,
        command: "test",
      });
    const [one, two] = [await make("one", 1), await make("two", 2)];
    expect(one.dataHash).toBe(two.dataHash);
    const survey = await openSurvey(`${folder.path}/one`);
    const { label, raDeg, decDeg, ...parameters } = drawGalaxy(new Random(4).fork("galaxy 3"), 64 * 0.262);
    expect(survey.rows[3].columns).toMatchObject({ label, ...parameters });
    expect([survey.rows[3].raDeg, survey.rows[3].decDeg]).toEqual([raDeg, decDeg]);
    const { data } = await survey.readStamp(3);
    expect(data).toEqual(renderGalaxy(drawGalaxy(new Random(4).fork("galaxy 3"), 64 * 0.262), 64));
    expect(data.every(Number.isFinite)).toBe(true);
    survey.close();
  });
  it("refuses counts and sizes that make no sense", async () => {
    await expect(
      simulateSurvey(`${folder.path}/x`, { count: 0, seed: 1, progress: SILENT, command: "" }),
    ).rejects.toThrow(/--count/);
    await expect(
      simulateSurvey(`${folder.path}/x`, { count: 1, seed: 1, sizePx: 7, progress: SILENT, command: "" }),
    ).rejects.toThrow(/--size/);
  });
});
