import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import {
  cat,
  liveTensors,
  manualSeed,
  noGrad,
  qr,
  rand,
  randn,
  scope,
  type Tensor,
  tensor,
  writeSafetensors,
} from "../torch/index.ts";
import { ellipsePatterns } from "./ellipse-patterns.ts";
import { commonRange } from "./feature-pooling.ts";
import {
  fitProjection,
  halved,
  innerSquare,
  project,
  projectionState,
  readProjection,
  turnedViews,
  viewCount,
} from "./feature-projection.ts";
import { featuresOf, notesOf, readingOf } from "./feature-reader.ts";
import { createModel } from "./index.ts";
import {
  besideProjection,
  joinProjections,
  PATTERN_SHARES,
  structuresProjection,
  tellingProjection,
} from "./join-projections.ts";

describe("projection", () => {
  it("keeps distances along strong and weak components closer together than they were, and each column of equal weight", () => {
    scope(() => {
      manualSeed(3);
      // Three directions of spread 8, 2 and 0.5 in 12 columns.
      const hidden = randn([4000, 3]).mul(tensor([8, 2, 0.5], [1, 3]));
      const x = hidden.matmul(randn([3, 12])).add(5);
      const fitted = fitProjection(x, 3);
      const z = project(x, fitted);
      expect(z.shape).toEqual([4000, 3]);
      expect(Math.max(...z.mean(0).abs().toFloat32Array())).toBeLessThan(1e-2);
      const covariance = z.t().matmul(z).div(4000);
      const trace = [0, 1, 2].reduce((sum, i) => sum + covariance.toFloat32Array()[4 * i], 0);
      const standardised = x.sub(x.mean(0, true)).div(x.sub(x.mean(0, true)).pow(2).mean(0, true).sqrt());
      // Half whitening: eigenvalues of the outcome are the square roots of those of the correlation matrix.
      const total = standardised.pow(2).mean(0).sum().item();
      expect(total).toBeCloseTo(12, 2);
      const outer = covariance.matmul(covariance);
      const traceOfSquare = [0, 1, 2].reduce((sum, i) => sum + outer.toFloat32Array()[4 * i], 0);
      expect(traceOfSquare).toBeCloseTo(12, 1);
      expect(trace).toBeLessThan(12);
      fitted.mean.dispose();
      fitted.axes.dispose();
    });
  });
  it("finds the same components of fewer rows than columns", () => {
    scope(() => {
      manualSeed(9);
      const x = randn([12, 5]);
      const wide = x.matmul(qr(randn([40, 5]))[0].t());
      const lengths = (rows: Tensor) => {
        const fitted = fitProjection(rows, 3);
        const z = project(rows, fitted);
        for (const part of [fitted.mean, fitted.axes]) part.dispose();
        return z.matmul(z.t()).toFloat32Array();
      };
      const twice = cat([wide, wide, wide, wide], 0);
      const [few, many] = [lengths(wide), lengths(twice)];
      for (let i = 0; i < 12; i++)
        for (let j = 0; j < 12; j++) expect(few[12 * i + j]).toBeCloseTo(many[48 * i + j], 3);
    });
  });
  it("gives parameters that an objective tells their share of the distances, however little features vary with them", () => {
    scope(() => {
      manualSeed(4);
      // Twelve columns of which the last varies as much as the others and follows from nothing.
      const x = randn([3000, 2]).matmul(randn([2, 11]));
      const features = cat([x, randn([3000, 1])], 1);
      const direction = tensor(
        Array.from({ length: 12 }, (_, i) => (i === 11 ? 5 : 0)),
        [1, 12],
      );
      /** Share of the squared distances that lies along the last column. */
      const shareOf = (told: Tensor | null) => {
        const fitted = fitProjection(features, 4, told);
        expect(fitted.axes.shape).toEqual([12, 4]);
        const z = project(features, fitted);
        const along = z
          .t()
          .matmul(features.slice(1, 11, 12))
          .div(3000);
        const share = along.pow(2).sum().item() / z.pow(2).mean(0).sum().item();
        fitted.mean.dispose();
        fitted.axes.dispose();
        return share;
      };
      const [without, beside] = [shareOf(null), shareOf(direction)];
      expect(beside).toBeGreaterThan(without + 0.15);
      // 0.6 of the components' length: 0.36 of 1.36 of the squared one, beside what components have of it already.
      expect(beside).toBeLessThan(without + 0.36);
    });
  });
  it("of features side by side keeps each half's distances, the plain ones at 0.7 of their length, and turns all columns", () => {
    scope(() => {
      manualSeed(5);
      const rows = rand([40, 6]);
      const [left, right] = [rows.slice(1, 0, 3), rows.slice(1, 3, 6)];
      const [plain, inRange] = [fitProjection(left, 2), fitProjection(right, 2)];
      const joined = joinProjections(plain, inRange);
      expect([joined.mean.shape, joined.axes.shape]).toEqual([
        [1, 6],
        [6, 4],
      ]);
      const squares = (x: Tensor) => x.slice(0, 0, 1).sub(x).pow(2).sum([1]).toFloat32Array();
      const [all, one, other] = [project(rows, joined), project(left, plain), project(right, inRange)].map(squares);
      for (const [i, value] of all.entries()) expect(value).toBeCloseTo(0.49 * one[i] + other[i], 4);
      expect(joined.axes.toFloat32Array().every((value) => value !== 0)).toBe(true);
      for (const { mean, axes } of [plain, inRange, joined]) for (const tensor of [mean, axes]) tensor.dispose();
    });
  });
  it("keeps the distances of a given one, and puts components of other columns beside it at 0.8 of its length", () => {
    scope(() => {
      manualSeed(8);
      const rows = randn([60, 3])
        .matmul(randn([3, 7]))
        .add(randn([60, 7]).mul(0.3))
        .add(2);
      const base = fitProjection(rows.slice(1, 0, 3), 2);
      const whole = besideProjection(base, rows, 3, PATTERN_SHARES.rings);
      expect([whole.mean.shape, whole.axes.shape]).toEqual([
        [1, 7],
        [7, 5],
      ]);
      const squares = (x: Tensor) => x.sub(x.mean(0, true)).pow(2).sum([1]).mean().item();
      const [all, first] = [squares(project(rows, whole)), squares(project(rows.slice(1, 0, 3), base))];
      expect(all / first).toBeCloseTo(1 + 0.64, 4);
      // What the given one sees of two rows that differ in its columns alone is what it saw before.
      const moved = rows.add(tensor([1, -2, 3, 0, 0, 0, 0], [1, 7]));
      const length = (x: Tensor) => x.pow(2).sum([1]).select(0, 0).item();
      expect(length(project(moved, whole).sub(project(rows, whole)))).toBeCloseTo(
        length(project(moved.slice(1, 0, 3), base).sub(project(rows.slice(1, 0, 3), base))),
        3,
      );
      for (const { mean, axes } of [base, whole]) for (const part of [mean, axes]) part.dispose();
    });
  });
  it("puts what is told of some galaxies beside the others, whatever is given for those of which nothing is said", () => {
    scope(() => {
      manualSeed(10);
      const rows = randn([400, 6]);
      const base = fitProjection(rows, 6);
      const z = project(rows, base);
      // What is told is whether the third number is large, of the first 300; nonsense of the rest.
      const known = Array.from({ length: 400 }, (_, i) => (i < 300 ? 1 : 0));
      const third = rows.slice(1, 2, 3).toFloat32Array();
      const said = (nonsense: number) =>
        tensor(
          Float32Array.from(third, (v, i) => (i < 300 ? Number(v > 0) : nonsense)),
          [400, 1],
        );
      const weight = tensor(known, [400, 1]);
      const [one, other] = [0, 1].map((nonsense) => tellingProjection(base, z, said(nonsense), weight));
      expect(one.axes.toFloat32Array()).toEqual(other.axes.toFloat32Array());
      expect(one.axes.shape).toEqual([6, 7]);
      const squares = (x: Tensor) => x.sub(x.mean(0, true)).pow(2).sum([1]).mean().item();
      expect(squares(project(rows, one)) / squares(z)).toBeCloseTo(1 + 0.64, 3);
      // All that was added is along the third number: what two rows that differ in another one lie apart stays.
      const apart = (moved: number[], { mean, axes }: typeof one) =>
        project(tensor(moved, [1, 6]), { mean: mean.mul(0), axes })
          .pow(2)
          .sum()
          .item();
      const [along, across] = [
        [0, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
      ].map((moved) => apart(moved, one) / apart(moved, base));
      expect(along).toBeGreaterThan(3);
      expect(across).toBeLessThan(1.2);
      for (const { mean, axes } of [base, one, other]) for (const part of [mean, axes]) part.dispose();
    });
  });
  it("stands beside what painted structures move, each along the direction in which it moves features most", () => {
    scope(() => {
      manualSeed(3);
      const rows = randn([400, 6]);
      const base = fitProjection(rows, 6);
      const z = project(rows, base);
      // One structure adds to the third number, by more in some galaxies, the other takes from the fifth; and noise.
      const change = (column: number, sign: number) => {
        const moved = randn([50, 6]).mul(0.2).toFloat32Array();
        for (let i = 0; i < 50; i++) moved[6 * i + column] += sign * (1 + (i % 3));
        return project(tensor(moved, [50, 6]), { mean: base.mean.mul(0), axes: base.axes });
      };
      const told = structuresProjection(base, z, [change(2, 1), change(4, -1)]);
      expect(told.axes.shape).toEqual([6, 8]);
      const squares = (x: Tensor) => x.sub(x.mean(0, true)).pow(2).sum([1]).mean().item();
      expect(squares(project(rows, told)) / squares(z)).toBeCloseTo(1 + 0.16, 3);
      const apart = (column: number, { mean, axes }: typeof told) =>
        project(
          tensor(
            Array.from({ length: 6 }, (_, i) => Number(i === column)),
            [1, 6],
          ),
          { mean: mean.mul(0), axes },
        )
          .pow(2)
          .sum()
          .item();
      const gains = Array.from({ length: 6 }, (_, column) => apart(column, told) / apart(column, base));
      for (const [column, gain] of gains.entries())
        if (column === 2 || column === 4) expect(gain).toBeGreaterThan(1.3);
        else expect(gain).toBeLessThan(1.1);
      for (const { mean, axes } of [base, told]) for (const part of [mean, axes]) part.dispose();
    });
  });
  it("is the same for a seed, comes back from a file, and leaves no tensor behind", () => {
    const folder = temporaryFolder();
    const before = liveTensors();
    scope(() => {
      const x = rand([50, 9]);
      const [a, b] = [fitProjection(x, 4), fitProjection(x, 4)];
      expect(a.axes.toFloat32Array()).toEqual(b.axes.toFloat32Array());
      writeSafetensors(`${folder.path}/p.safetensors`, projectionState(a));
      const read = readProjection(`${folder.path}/p.safetensors`);
      expect(read?.axes.toFloat32Array()).toEqual(a.axes.toFloat32Array());
      for (const { mean, axes } of [a, b, ...(read === null ? [] : [read])]) {
        mean.dispose();
        axes.dispose();
      }
      writeSafetensors(`${folder.path}/none.safetensors`, { x });
      expect(readProjection(`${folder.path}/none.safetensors`)).toBeNull();
    });
    expect(liveTensors()).toBe(before);
    folder.remove();
  });
  it("is stored in half precision, unless its numbers are too large for that", () => {
    const folder = temporaryFolder();
    const before = liveTensors();
    scope(() => {
      for (const [size, dtype] of [
        [12, "float16"],
        [1e6, "float32"],
      ] as const) {
        const given = { mean: rand([1, 9]), axes: rand([9, 4]).mul(size) };
        const kept = halved(given);
        expect(kept.axes.dtype).toBe(dtype);
        writeSafetensors(`${folder.path}/h.safetensors`, projectionState(kept));
        const read = readProjection(`${folder.path}/h.safetensors`);
        expect(read?.axes.dtype).toBe("float32");
        const most = read?.axes.sub(given.axes).abs().max().item();
        expect(most).toBeLessThan(size * 5e-4);
        read?.mean.dispose();
        read?.axes.dispose();
      }
    });
    expect(liveTensors()).toBe(before);
    folder.remove();
  });
});

describe("views", () => {
  it("are the eight ways to turn and mirror a square, each once", () => {
    scope(() => {
      const image = rand([1, 1, 4, 4]);
      const views = turnedViews(image, 8);
      expect(views.shape).toEqual([8, 1, 4, 4]);
      const all = Array.from({ length: 8 }, (_, i) => Array.from(views.select(0, i).toFloat32Array()).join());
      expect(new Set(all).size).toBe(8);
      for (const one of all)
        expect(one.split(",").map(Number).sort()).toEqual(Array.from(image.toFloat32Array()).sort());
    });
  });
  it("show the image and its inner square, each turned by quarters", () => {
    scope(() => {
      const image = rand([2, 3, 8, 8]);
      const views = turnedViews(image, "zoomed");
      expect(views.shape).toEqual([8 * 2, 3, 8, 8]);
      expect(views.slice(0, 0, 2).toFloat32Array()).toEqual(image.toFloat32Array());
      // A ramp along x and y is the same ramp in the square on its corner, turned by 45 degrees and half as steep along
      // each side.
      const at = Array.from({ length: 8 }, (_, i) => (2 * i + 1) / 8 - 1);
      const plane = (of: (x: number, y: number) => number) =>
        tensor(
          at.flatMap((y) => at.map((x) => of(x, y))),
          [1, 1, 8, 8],
        );
      const seen = innerSquare(plane((x, y) => 3 * x + y));
      const expected = plane((x, y) => 1.5 * (x - y) + 0.5 * (x + y));
      expect(seen.sub(expected).slice(2, 1, 7).slice(3, 1, 7).abs().max().item()).toBeLessThan(1e-5);
      // The middle once besides: half as steep, not turned.
      const ramp = plane((x, y) => 3 * x + y);
      const ways = turnedViews(ramp, "zoomed-3");
      expect(ways.shape).toEqual([5, 1, 8, 8]);
      expect(ways.slice(0, 0, 4).toFloat32Array()).toEqual(turnedViews(ramp, "zoomed-2").toFloat32Array());
      const half = plane((x, y) => 1.5 * x + 0.5 * y);
      expect(ways.slice(0, 4, 5).sub(half).abs().max().item()).toBeLessThan(1e-5);
    });
  });
  it.each([8, "zoomed"] as const)(
    "(%s) make features that do not change when the galaxy is turned by a quarter, or, with all eight, mirrored",
    (views) => {
      const model = createModel("lvm-nano").eval();
      const reading = { ...readingOf(model, {}), sizePx: 32, views, commonRange: true };
      expect(readingOf(model, notesOf(reading))).toEqual(reading);
      scope(() => {
        const image = rand([2, 3, 32, 32]);
        const reader = featuresOf(model, reading);
        const difference = noGrad(() => {
          const features = reader.of(image);
          const ways = views === 8 ? 8 : 4;
          return turnedViews(image, ways)
            .reshape(ways, 2, 3, 32, 32)
            .toFloat32Array()
            .reduce((worst, _, i, all) => {
              if (i % (2 * 3 * 32 * 32) !== 0) return worst;
              const turnedImage = tensor(all.slice(i, i + 2 * 3 * 32 * 32), [2, 3, 32, 32]);
              return Math.max(worst, reader.of(turnedImage).sub(features).abs().max().item());
            }, 0);
        });
        expect(difference).toBeLessThan(1e-5);
        const once = featuresOf(model, { ...reading, views: 1 });
        const change = noGrad(() =>
          once
            .of(turnedViews(image, 4).slice(0, 2, 4))
            .sub(once.of(image))
            .abs()
            .max()
            .item(),
        );
        expect(change).toBeGreaterThan(1e-4);
      });
      model.dispose();
    },
  );
  it("show two turns of each at half the cost, with patterns in rings and in ellipses last in a row where a reading has them", () => {
    const model = createModel("lvm-nano").eval();
    const reading = {
      ...readingOf(model, {}),
      sizePx: 32,
      pooling: "stages",
      views: "zoomed-2",
      rings: true,
      ellipses: true,
    } as const;
    expect(readingOf(model, notesOf(reading))).toEqual(reading);
    scope(() =>
      noGrad(() => {
        const image = rand([2, 3, 32, 32]);
        expect(turnedViews(image, "zoomed-2").slice(0, 4, 6).toFloat32Array()).toEqual(
          innerSquare(image).toFloat32Array(),
        );
        expect(viewCount("zoomed-2")).toBe(4);
        const beside = featuresOf(model, reading);
        const alone = featuresOf(model, { ...reading, rings: false, ellipses: false });
        expect([beside.dim, alone.dim]).toEqual([1408 + 3232 + 260, 1408]);
        const row = beside.of(image);
        expect(row.shape).toEqual([2, beside.dim]);
        expect(row.slice(1, 0, 1408).toFloat32Array()).toEqual(alone.of(image).toFloat32Array());
        expect(row.slice(1, 1408 + 3232, beside.dim).toFloat32Array()).toEqual(
          ellipsePatterns(commonRange(image)).toFloat32Array(),
        );
      }),
    );
    model.dispose();
  });
  it("stand side by side, as images are and in a common range, where a reading asks for both", () => {
    const model = createModel("lvm-nano").eval();
    const reading = {
      ...readingOf(model, {}),
      sizePx: 32,
      pooling: "stages",
      views: "zoomed",
      commonRange: "both",
    } as const;
    expect(readingOf(model, notesOf(reading))).toEqual(reading);
    scope(() =>
      noGrad(() => {
        const image = rand([2, 3, 32, 32]);
        const both = featuresOf(model, reading);
        const [plain, inRange] = [false, true].map((commonRange) =>
          featuresOf(model, { ...reading, commonRange }).of(image),
        );
        expect(both.dim).toBe(2 * 1408);
        expect(both.of(image).toFloat32Array()).toEqual(cat([plain, inRange], 1).toFloat32Array());
        expect(plain.sub(inRange).abs().max().item()).toBeGreaterThan(1e-3);
      }),
    );
    model.dispose();
  });
});
