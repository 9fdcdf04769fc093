import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/surveys.ts";
import { SILENT } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { openSurvey } from "../folder.ts";
import { convolve } from "./fourier.ts";
import { colourOf, fluxOf, newFrame } from "./frame.ts";
import {
  CLASS_SHARES,
  drawGalaxy,
  renderGalaxy,
  renderIdeal,
  type SimulateOptions,
  sharesWith,
  simulateSurvey,
} from "./index.ts";
import { traceBack } from "./lens.ts";
import { addNoise, ELECTRONS_PER_NANOMAGGY, skySigma } from "./noise.ts";
import { addComponent, PixelGrid, radial } from "./plane.ts";
import { exponential, sersic } from "./profiles.ts";
import { moffatKernel, spread } from "./psf.ts";
import { powerTable, tabulated } from "./tables.ts";

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
    expect([22.5, 20, 25].map(fluxOf)).toEqual([1, 10, 0.1].map((flux) => expect.closeTo(flux, 12)));
  });
  it("falls as a Sersic profile does: half of it inside the half-light radius", () => {
    for (const n of [1, 4]) {
      const frame = newFrame(256);
      const profile = sersic(n, 10);
      const plane = new PixelGrid(256, { x: 127.5, y: 127.5, angle: 0, axisRatio: 1 });
      addComponent(frame, plane, [1, 1, 1], radial(profile));
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

describe("shortcuts", () => {
  it("draw the galaxies that formulas alone draw, within 3e-6 of the brightest pixel", () => {
    // Made by the program before it had tables and transforms: the first galaxy of each class, r band, 40 px, behind the
    // seeing, without field and noise.
    const S = 40;
    const kept = new Float32Array(
      readFileSync(new URL("../../../test/golden/simulated-galaxies.f32", import.meta.url)).buffer,
    );
    for (const [n, label] of Object.keys(CLASS_SHARES).entries()) {
      let i = 0;
      let galaxy = drawGalaxy(new Random(5).fork("galaxy 0"), S * 0.262);
      while (galaxy.label !== label) galaxy = drawGalaxy(new Random(5).fork(`galaxy ${++i}`), S * 0.262);
      const kernels = [5.4, 5, 4.6].map((fwhm) => moffatKernel(fwhm, 3.2));
      const plane = spread(renderIdeal(galaxy, S), kernels).subarray(S * S, 2 * S * S);
      const expected = kept.subarray(n * S * S, (n + 1) * S * S);
      const difference = plane.reduce((largest, value, p) => Math.max(largest, Math.abs(value - expected[p])), 0);
      expect(difference / Math.max(...expected)).toBeLessThan(3e-6);
    }
  });
  it("convolve as sums over the kernel do, whatever the number of planes, and lose what leaves the plane", () => {
    const random = new Random(2);
    for (const [S, widths] of [
      [33, [3]],
      [48, [4.1, 6.3]],
      [40, [2, 5, 3.3]],
    ] as const) {
      const planes = Float32Array.from({ length: widths.length * S * S }, () => random.next());
      const kernels = widths.map((fwhm) => moffatKernel(fwhm, 3.2));
      const found = convolve(planes, S, kernels);
      for (const [n, { size, values }] of kernels.entries())
        for (const [y, x] of [
          [0, 0],
          [S - 1, 3],
          [S >> 1, S >> 1],
          [7, S - 1],
        ]) {
          let sum = 0;
          for (let ky = 0; ky < size; ky++)
            for (let kx = 0; kx < size; kx++) {
              const [fromY, fromX] = [y + (size >> 1) - ky, x + (size >> 1) - kx];
              if (fromY >= 0 && fromX >= 0 && fromY < S && fromX < S)
                sum += values[ky * size + kx] * planes[(n * S + fromY) * S + fromX];
            }
          expect(found[(n * S + y) * S + x] / sum).toBeCloseTo(1, 6);
        }
    }
  });
  it("read functions of radius and powers off tables", () => {
    for (const [f, largest] of [
      [sersic(4, 8), 90],
      [sersic(1, 3), 40],
      [exponential(6, 4), 120],
    ] as const) {
      const table = tabulated(f, largest);
      for (let r = 0.3; r < largest; r += 0.37) expect(Math.abs(table(r) - f(r))).toBeLessThan(2e-6 * f(4) + 2e-6);
    }
    const power = powerTable(1.6, 4);
    for (let x = 0; x < 5; x += 0.013) expect(Math.abs(power(x) - x ** 1.6)).toBeLessThan(2e-6 * 4 ** 1.6);
  });
});

describe("noise", () => {
  it("is normal: moments, tails and no memory from one pixel's photons to the next", () => {
    // Photons alone: no sky.
    const N = 256 * 256;
    const planes = new Float32Array(3 * N).fill(1);
    addNoise(planes, 256, [0, 0, 0], new Random(3));
    const sigma = Math.sqrt(1 / ELECTRONS_PER_NANOMAGGY[0]);
    const values = planes.subarray(0, N).map((value) => (value - 1) / sigma);
    const mean = (f: (z: number, p: number) => number) => values.reduce((sum, z, p) => sum + f(z, p), 0) / N;
    const near = (found: number, expected: number, sd: number) =>
      expect(Math.abs(found - expected)).toBeLessThan((5 * sd) / Math.sqrt(N));
    near(
      mean((z) => z),
      0,
      1,
    );
    near(
      mean((z) => z ** 2),
      1,
      Math.sqrt(2),
    );
    near(
      mean((z) => z ** 3),
      0,
      Math.sqrt(15),
    );
    near(
      mean((z) => z ** 4),
      3,
      Math.sqrt(96),
    );
    near(
      mean((z) => (Math.abs(z) > 3 ? 1 : 0)),
      0.0026998,
      Math.sqrt(0.0027),
    );
    near(
      mean((z) => (Math.abs(z) > 3.7 ? 1 : 0)),
      0.00021561,
      Math.sqrt(0.000216),
    );
    near(
      mean((z, p) => (p === 0 ? 0 : z * values[p - 1])),
      0,
      1,
    );
  });
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
  it("keeps nothing but the recipe where that is asked for: the stamps are drawn anew, the same pixels", async () => {
    const make = (name: string, options: Partial<SimulateOptions>) =>
      simulateSurvey(join(folder.path, name), {
        count: 7,
        seed: 4,
        sizePx: 64,
        progress: SILENT,
        command: "test",
        ...options,
      });
    await make("kept", {});
    await make("drawn", { keep: "none" });
    const [kept, drawn] = await Promise.all([openSurvey(`${folder.path}/kept`), openSurvey(`${folder.path}/drawn`)]);
    expect(readdirSync(`${folder.path}/drawn/stamps`)).toEqual([]);
    const rows = kept.rows.map((_, row) => row);
    const [a, b] = [kept, drawn].map((survey) => Promise.all(rows.map(async (row) => await survey.readStamp(row))));
    expect(await b).toEqual(await a);
    // Asked for twice at once, each has pixels of its own.
    const [one, two] = await Promise.all([drawn.readStamp(2), drawn.readStamp(2)]);
    one.data.fill(0);
    expect(two.data).toEqual((await a)[2].data);
    kept.close();
    drawn.close();
    const header = JSON.parse(readFileSync(`${folder.path}/drawn/survey.json`, "utf8"));
    const older = { ...header, simulation: { ...header.simulation, simulator: 0 } };
    writeFileSync(`${folder.path}/drawn/survey.json`, JSON.stringify(older));
    const other = await openSurvey(`${folder.path}/drawn`);
    await expect(other.readStamp(0)).rejects.toMatchObject({ code: "SIMULATOR_CHANGED" });
    other.close();
  });

  it("comes in parts that are the same as the whole, whatever their number", async () => {
    const make = async (name: string, options: Partial<SimulateOptions>) => {
      const out = join(folder.path, name);
      await simulateSurvey(out, { count: 5, seed: 9, sizePx: 64, progress: SILENT, command: "test", ...options });
      const survey = await openSurvey(out);
      const stamps = await Promise.all(
        survey.rows.map(async ({ id, columns }, row) => ({ id, columns, data: (await survey.readStamp(row)).data })),
      );
      survey.close();
      return stamps;
    };
    const parts = [await make("p1", { shard: { part: 1, of: 2 } }), await make("p2", { shard: { part: 2, of: 2 } })];
    expect(parts.map(({ length }) => length)).toEqual([2, 3]);
    expect(parts.flat()).toEqual(await make("whole", { keep: "none" }));
  });

  it("has the classes and radii that it is asked for, and pictures instead of flux", async () => {
    const out = join(folder.path, "asked");
    const shares = sharesWith({ lens: 0.5, merger: 0.5 });
    const picture = async (_: Float32Array, sizePx: number) => new Uint8Array([sizePx]);
    await simulateSurvey(out, {
      count: 40,
      seed: 2,
      sizePx: 192,
      shares,
      radiusArcsec: [6.4, 9.6],
      keep: "none",
      progress: SILENT,
      command: "test",
    });
    const survey = await openSurvey(out);
    const columns = survey.rows.map((row) => row.columns);
    survey.close();
    expect([...new Set(columns.map(({ label }) => label))].sort()).toEqual(["lens", "merger"]);
    const radii = columns.map(({ halfLightRadiusArcsec }) => Number(halfLightRadiusArcsec));
    expect(Math.min(...radii)).toBeGreaterThan(6.4);
    expect(Math.max(...radii)).toBeLessThan(9.6);
    expect(Math.max(...radii) - Math.min(...radii)).toBeGreaterThan(2);
    const header = await simulateSurvey(`${out}-p`, {
      ...{ count: 2, seed: 2, sizePx: 64, progress: SILENT, command: "test" },
      keep: picture,
    });
    expect([header.kind, header.bands]).toEqual(["colour", ["r", "g", "b"]]);
    expect(() => sharesWith({ quasar: 0.1 })).toThrow(/no class quasar/);
    expect(() => sharesWith({ lens: 0.6, merger: 0.6 })).toThrow(/add up to 1.2/);
    expect(sharesWith({ lens: 0 }).spiral).toBeCloseTo(CLASS_SHARES.spiral / (1 - CLASS_SHARES.lens), 12);
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
