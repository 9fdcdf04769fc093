import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../base/paths.ts";
import type { Layer } from "../nn/index.ts";
import { noGrad, scope, tensor } from "../torch/index.ts";
import { CLASSIFIERS, type ClassifierName } from "./classifiers.ts";

interface Case {
  model: ClassifierName;
  size: number;
  names: number;
  parameters: number;
  output: number[];
}
const golden = JSON.parse(readFileSync(join(PACKAGE_ROOT, "test/golden/convnets.json"), "utf8")) as {
  classes: number;
  cases: Case[];
};

/** The formula of test/golden/gen/convnets.py; it repeats after 2^20 numbers. `change` maps each. */
function noise(count: number, salt: number, change: (value: number) => number = (value) => value): Float32Array {
  const out = new Float32Array(count);
  const period = Math.min(count, 2 ** 20);
  for (let i = 0; i < period; i++)
    out[i] = change(((((i % 10007) + 1) * ((i % 997) + 13 * salt + 1)) % 2003) / 1001 - 1);
  for (let done = period; done < count; done *= 2) out.copyWithin(done, 0, Math.min(done, count - done));
  return out;
}

function fill(model: Layer): void {
  const state = model.stateDict();
  for (const [salt, name] of Object.keys(state).sort().entries()) {
    if (name.endsWith("num_batches_tracked")) continue;
    const value = state[name];
    const { shape, size } = value;
    const nearOne = name.endsWith("running_var") || (/bn|downsample\.1/.test(name) && name.endsWith("weight"));
    const numbers =
      shape.length > 1
        ? noise(size, salt, (x) => x * Math.sqrt(6 / (size / shape[0])))
        : noise(size, salt, (x) => (nearOne ? 1 + 0.2 * x : 0.1 * x));
    scope(() => noGrad(() => value.copy_(tensor(numbers, shape))));
  }
}

describe("against torchvision on PyTorch 1.13", () => {
  it.each(golden.cases)(
    "$model has the same parameters and gives the same logits within 1e-4",
    ({ model: name, size, names, parameters, output }) => {
      const model = CLASSIFIERS[name](golden.classes).eval();
      expect(Object.keys(model.stateDict()).length).toBe(names);
      expect(model.parameterCount()).toBe(parameters);
      fill(model);
      const found = scope(() =>
        noGrad(() =>
          model
            .forward(
              tensor(
                noise(2 * 3 * size * size, 999, (x) => 0.5 + 0.5 * x),
                [2, 3, size, size],
              ),
            )
            .toFloat32Array(),
        ),
      );
      const scale = Math.max(...output.map(Math.abs));
      const worst = Math.max(...output.map((value, i) => Math.abs(value - found[i]))) / scale;
      console.log(`${name}: largest difference ${worst.toExponential(1)} of the largest logit, ${scale.toFixed(2)}`);
      expect(worst).toBeLessThan(1e-4);
      model.dispose();
    },
  );
});
