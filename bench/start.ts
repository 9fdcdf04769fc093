/** From the start of a process to the features of one image, beside PyTorch in Python. `skyloop bench start`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { createModel } from "../src/models/index.ts";
import { rand, scope, writeSafetensors } from "../src/torch/index.ts";
import { alternate, hasPeer, median, runPeer } from "./common.ts";

/** Seconds of each round, by program; ours reads its weights from a file, the peer makes them up. */
export function benchStart({
  model: name,
  rounds,
}: {
  model: string;
  rounds: number;
}): Record<string, { seconds: number[]; median: number }> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const [weights, input, output] = ["weights", "input", "output"].map((file) => join(folder, `${file}.safetensors`));
    const model = createModel(name);
    const size = model.config.imageSize;
    scope(() => {
      writeSafetensors(weights, model.stateDict());
      writeSafetensors(input, { input: rand([1, 3, size, size]) });
    });
    model.dispose();
    const seconds = (body: () => unknown) => () => {
      const start = performance.now();
      body();
      return (performance.now() - start) / 1000;
    };
    const forward = [
      join(PACKAGE_ROOT, "bin/skyloop"),
      "forward",
      "--model",
      name,
      "--weights",
      weights,
      "--input",
      input,
      "--output",
      output,
    ];
    const programs = {
      Skyloop: seconds(() => execFileSync(process.execPath, forward, { stdio: "ignore" })),
      ...(hasPeer()
        ? { "PyTorch, stock": seconds(() => runPeer("swin.py", ["encode", name, "1", String(size), "0"], false)) }
        : {}),
    };
    return Object.fromEntries(
      Object.entries(alternate(programs, rounds)).map(([program, values]) => [
        program,
        { seconds: values, median: median(values) },
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
