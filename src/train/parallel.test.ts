import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";

const folder = temporaryFolder();
let survey = "";
beforeAll(async () => {
  survey = await smallSurvey(folder.path, 40);
}, 60_000);
afterAll(() => folder.remove());

/** Losses and lengths of the gradients of a run of `size` processes of one thread. */
async function metricsOf(recipe: string, size: number): Promise<{ loss: number; gradNorm: number }[]> {
  const out = join(folder.path, `of-${size}`);
  const port = String(20_000 + Math.floor(Math.random() * 20_000));
  const ended = Array.from({ length: size }, (_, rank) => {
    const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), "pretrain", recipe, "--out", out, "--survey", survey], {
      env: { ...process.env, OMP_NUM_THREADS: "1", ...(size > 1 ? { RANK: String(rank), WORLD_SIZE: String(size), MASTER_PORT: port } : {}) },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    return new Promise<void>((resolve, reject) => child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(said)))));
  });
  await Promise.all(ended);
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as { loss: number; gradNorm: number });
}

describe("pre-training in two processes", () => {
  // Views, masks, dropped paths and statistics over the batch are those of one process; what is left is the order of sums.
  it("has the losses and gradients of one process with the same batches, which do not divide evenly, within 1e-5", async () => {
    const recipe = join(folder.path, "all.json");
    const objectives = { autoencode: 1, masked: 1, vicreg: 1, simulated: 1 };
    const schedule = { steps: 5, batchSize: 7, accumulate: 2, learningRate: 1e-4, warmupSteps: 2, checkpointEvery: 2, averageDecay: 0.9 };
    writeFileSync(recipe, JSON.stringify({ model: "lvm-nano", bankPx: 40, viewPx: 32, pooling: "stages", objectives, ...schedule, seed: 1, threads: 1 }));
    const [one, two] = [await metricsOf(recipe, 1), await metricsOf(recipe, 2)];
    expect(one).toHaveLength(5);
    const worst = (of: "loss" | "gradNorm") => Math.max(...one.map((line, i) => Math.abs(two[i][of] / line[of] - 1)));
    console.log(
      `largest relative difference of ${one.length} losses ${worst("loss").toExponential(1)}, of the gradients' lengths ${worst("gradNorm").toExponential(1)}`,
    );
    expect(worst("loss")).toBeLessThan(1e-5);
    expect(worst("gradNorm")).toBeLessThan(1e-5);
  }, 120_000);
});
