import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { startWorker } from "../base/workers.ts";
import {
  Adam,
  AdamW,
  arange,
  call,
  cat,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  op,
  opInPlace,
  Parameter,
  rand,
  randn,
  readSafetensors,
  scope,
  tensor,
  writeSafetensors,
  zeros,
} from "./index.ts";
import { composedAdamStep } from "./optim.ts";

const folder = mkdtempSync(join(tmpdir(), "skyloop-torch-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("dispatcher", () => {
  it("names operator, types and shapes in errors", () => {
    scope(() => {
      expect(() => rand([2, 3]).matmul(rand([4, 2]))).toThrow(
        /matmul\(float32\[2, 3\], float32\[4, 2\]\).*2x3 and 4x2/,
      );
      expect(() => op("no_such_operator", rand([1]))).toThrow(/no operator aten::no_such_operator/);
      expect(() => op("add.Tensor", rand([1]))).toThrow(/argument `other` is missing/);
      expect(() => op("sum.dim_IntList", rand([1]), [0.5])).toThrow(/expected an integer/);
      expect(() => tensor(new Float32Array(5), [2, 3])).toThrow(/20 bytes, its shape needs 24/);
    });
  });
  it("refuses a freed tensor instead of crashing", () => {
    const gone = rand([2]);
    gone.dispose();
    gone.dispose();
    expect(() => gone.add(1)).toThrow(/after it was freed/);
  });
  it("converts every kind of argument", () => {
    scope(() => {
      const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
      expect(x.sum(0).toFloat32Array()).toEqual(Float32Array.of(5, 7, 9));
      expect(x.add(0.5).mul(2).slice(1, 0, 2).reshape(4).toFloat32Array()).toEqual(Float32Array.of(3, 5, 9, 11));
      expect(cat([x, x], 1).shape).toEqual([2, 6]);
      expect(x.unbind(0)[1].toFloat32Array()).toEqual(Float32Array.of(4, 5, 6));
      expect(op("index.Tensor", x, [null, arange(2)]).shape).toEqual([2, 2]);
      expect(x.clamp(null, 3).max().item()).toBe(3);
      expect(x.to("int64").dtype).toBe("int64");
      expect(x.topk(2)[1].toIntegers()).toEqual([2, 1, 2, 1]);
      expect(call("size.int", [x.handle, 1])).toBe(3);
    });
  });
});

describe("scope", () => {
  it("frees temporaries, keeps results, also in arrays and objects, and frees after errors", () => {
    const start = liveTensors();
    const kept = scope(() => ({ a: rand([2]).add(1), list: [rand([3]).mul(2)] }));
    expect(liveTensors()).toBe(start + 2);
    expect(kept.list[0].shape).toEqual([3]);
    expect(() =>
      scope(() => {
        rand([2]);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(liveTensors()).toBe(start + 2);
    const outer = scope(() => {
      const inner = scope(() => rand([1]));
      return inner.add(1);
    });
    const held = scope(() => void keep(outer));
    expect(held).toBeUndefined();
    for (const left of [kept.a, ...kept.list, outer]) left.dispose();
    expect(liveTensors()).toBe(start);
  });
});

describe("autograd", () => {
  it("gives gradients, none inside noGrad", () => {
    scope(() => {
      const x = tensor([1, 2, 3], [3]).setRequiresGrad(true);
      x.mul(x).sum().backward();
      expect(x.grad?.toFloat32Array()).toEqual(Float32Array.of(2, 4, 6));
      const y = noGrad(() => x.mul(2).sum());
      expect(y.requiresGrad).toBe(false);
      expect(() => y.backward()).toThrow(/backward\(float32\[\]\)/);
    });
  });
});

describe("random numbers", () => {
  it("follow the seed", () => {
    const draw = () => {
      manualSeed(5);
      return scope(() => randn([4]).toFloat32Array());
    };
    expect(draw()).toEqual(draw());
  });
});

describe("optimisers", () => {
  // torch.optim 1.13: five steps on sum(p^2 * [1, 10] + p) from p = [1, -2], lr 0.1 (test/golden/gen/optim.py).
  const golden = JSON.parse(readFileSync(new URL("../../test/golden/optim.json", import.meta.url), "utf8")) as Record<
    string,
    number[]
  >;
  const run = (make: (p: Parameter) => Adam) =>
    scope(() => {
      const p = new Parameter(tensor([1, -2], [2]));
      const optimiser = make(p);
      for (let i = 0; i < 5; i++) {
        optimiser.zeroGrad();
        p.mul(p)
          .mul(tensor([1, 10], [2]))
          .add(p)
          .sum()
          .backward();
        optimiser.step();
      }
      const values = p.toFloat32Array();
      optimiser.dispose();
      p.dispose();
      return values;
    });
  it.each([true, false])("in one pass equals the composition of operators (decoupled decay: %s)", (decoupled) => {
    manualSeed(5);
    for (const dtype of ["float32", "float64"] as const)
      scope(() => {
        const shapes = [[70_000], [3, 5], [1]];
        const make = () => shapes.map((shape) => new Parameter(ones(shape, dtype)));
        const [a, b] = [make(), make()];
        const Kind = decoupled ? AdamW : Adam;
        const optimiser = new Kind(
          a.map((p, i) => [String(i), p]),
          { learningRate: 0.01, weightDecay: 0.1 },
        );
        const entries = b.map((parameter) => ({
          parameter,
          mean: zeros(parameter.shape, dtype),
          square: zeros(parameter.shape, dtype),
          decay: 0.1,
        }));
        for (let step = 1; step <= 3; step++) {
          const grads = shapes.map((shape) => randn(shape, dtype));
          for (const [i, grad] of grads.entries()) a[i].setGrad(grad);
          optimiser.step();
          const by = {
            learningRate: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            correction1: 1 - 0.9 ** step,
            correction2: Math.sqrt(1 - 0.999 ** step),
            decoupled,
          };
          noGrad(() => {
            for (const [i, entry] of entries.entries()) composedAdamStep({ ...entry, grad: grads[i] }, by);
          });
        }
        const worst = Math.max(...a.map((p, i) => p.sub(b[i]).abs().max().item()));
        console.log(`${dtype}: largest difference ${worst.toExponential(1)}`);
        expect(worst).toBeLessThan(dtype === "float32" ? 3e-7 : 1e-15);
        optimiser.dispose();
        for (const p of [...a, ...b]) p.dispose();
      });
  });
  const cases: [string, (p: Parameter) => Adam][] = [
    ["Adam", (p) => new Adam([["p", p]], { learningRate: 0.1 })],
    ["Adam with L2", (p) => new Adam([["p", p]], { learningRate: 0.1, weightDecay: 0.1 })],
    ["AdamW", (p) => new AdamW([["p", p]], { learningRate: 0.1, weightDecay: 0.1 })],
  ];
  it("takes memory for moments of parameters that have a gradient alone, and goes on with what it kept", () => {
    scope(() => {
      manualSeed(8);
      const [moved, still] = [new Parameter(rand([4, 3])), new Parameter(rand([5]))];
      const step = (optimiser: Adam) => {
        optimiser.zeroGrad();
        moved.mul(moved).sum().backward();
        optimiser.step();
      };
      const named: [string, Parameter][] = [
        ["moved", moved],
        ["still", still],
      ];
      const first = new Adam(named, { learningRate: 0.1 });
      const before = still.toFloat32Array();
      step(first);
      expect(Object.keys(first.stateDict()).sort()).toEqual(["mean.moved", "square.moved", "steps"]);
      const start = moved.detach().mul(1);
      const second = new Adam(named, { learningRate: 0.1 });
      second.loadStateDict(first.stateDict());
      step(first);
      const expected = moved.toFloat32Array();
      noGrad(() => moved.copy_(start));
      step(second);
      expect(moved.toFloat32Array()).toEqual(expected);
      expect(still.toFloat32Array()).toEqual(before);
      for (const one of [first, second, moved, still]) one.dispose();
    });
  });
  it("refuses moments of another shape", () => {
    scope(() => {
      const [p, grad, moment] = [rand([3]), rand([3]), rand([2])];
      expect(() =>
        opInPlace("skyloop::adam_step", [p], [grad], [moment], [moment], [0], 0.1, 0.9, 0.999, 1e-8, 1, 1, false),
      ).toThrow(/moments of one type and shape/);
    });
  });
  it.each(cases)("%s equals PyTorch's", (name, make) => {
    const values = run(make);
    for (const [i, expected] of golden[name].entries()) expect(values[i]).toBeCloseTo(expected, 6);
  });
});

describe("safetensors", () => {
  const path = join(folder, "a.safetensors");
  it("returns what was written, for any shape, type and name", () => {
    const one = fc.record({
      name: fc.stringMatching(/^[a-zé.0-9]{1,12}$/),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      dtype: fc.constantFrom("float32", "float64", "int64", "float16", "uint8", "bool"),
    });
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 4 }), (specs) =>
        scope(() => {
          const state = Object.fromEntries(
            specs.map(({ name, shape, dtype }) => [
              name,
              rand(shape)
                .mul(9)
                .to(dtype as "float32"),
            ]),
          );
          writeSafetensors(path, state, { note: "test" });
          const { tensors, metadata } = readSafetensors(path);
          expect(metadata).toEqual({ note: "test" });
          expect(Object.keys(tensors).sort()).toEqual(Object.keys(state).sort());
          for (const [name, expected] of Object.entries(state)) {
            expect([tensors[name].dtype, tensors[name].shape]).toEqual([expected.dtype, expected.shape]);
            expect(tensors[name].toFloat64Array()).toEqual(expected.toFloat64Array());
          }
        }),
      ),
      { numRuns: 30 },
    );
  });
  it("names what is wrong with a broken file", () => {
    scope(() => writeSafetensors(path, { a: rand([100]) }));
    truncateSync(path, 200);
    expect(() => readSafetensors(path)).toThrow(/not a whole safetensors file.*ends beyond/);
    writeFileSync(path, "no");
    expect(() => readSafetensors(path)).toThrow(/has 2 bytes/);
    expect(() => readSafetensors(join(folder, "none"))).toThrow(/cannot read/);
  });
});

describe("worker threads", () => {
  it("have the engine too, with their own scopes", async () => {
    const results = await Promise.all(
      [1, 2].map(
        (value) =>
          new Promise<number>((resolve, reject) => {
            const worker = startWorker(new URL("../../test/fixtures/torch-worker.ts", import.meta.url), {
              workerData: value,
            });
            worker.once("message", resolve);
            worker.once("error", reject);
          }),
      ),
    );
    expect(results).toEqual([100, 200]);
  });
});
