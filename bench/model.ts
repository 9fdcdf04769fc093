/**
 * Encoding and training beside PyTorch in Python on the same libtorch, and beside ONNX Runtime; each measurement in a
 * process of its own. `skyloop bench encode|train`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SkyloopError } from "../src/base/errors.ts";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { countFlops } from "../src/models/flops.ts";
import { createModel } from "../src/models/index.ts";
import { toOnnx } from "../src/models/onnx/index.ts";
import { getThreads, noGrad, type Precision, rand, scope } from "../src/torch/index.ts";
import { alternate, median, peerVersion, runPeer } from "./common.ts";

export interface Measured {
  imagesPerSecond: number;
  /** Of processor time, threads together: hardly changed by what else the machine does. */
  imagesPerCpuSecond: number;
  peakMb: number;
}

export interface ModelBenchOptions {
  model: string;
  batch: number;
  sizePx: number;
  seconds: number;
  /** At most; fewer where `within` seconds would not do. */
  rounds: number;
  within: number;
  /** Of matrix products, ours and PyTorch's (its autocast). */
  precision: Precision;
  /** Python interpreter whose PyTorch is the peer; Debian's without it. */
  python?: string;
}

export interface ModelBench extends ModelBenchOptions {
  work: "encode" | "train";
  threads: number;
  /** Each round's, by program. */
  measured: Record<string, Measured[]>;
  median: Record<string, Measured>;
  /** Ours over each peer's: of images a second, and of images a second of processor time. */
  ratio: Record<string, { wall: number; cpu: number }>;
  gflopPerImage: number;
  /** This machine's matrix products: 2048 x 2048, float32, the best of some before and after. */
  gflopsOfMachine: number;
  /** Our floating-point operations a second over the machine's. */
  shareOfMachine: number;
}

const OURS = "Skyloop";

function runTypescript(file: string, args: string[]): Measured {
  const tsx = join(PACKAGE_ROOT, "node_modules/tsx/dist/cli.mjs");
  return JSON.parse(
    execFileSync(process.execPath, [tsx, join(PACKAGE_ROOT, "bench", file), ...args], { encoding: "utf8" }),
  ) as Measured;
}

export function benchModel(work: "encode" | "train", options: ModelBenchOptions): ModelBench {
  const { model: name, batch, sizePx, seconds, rounds, within, precision, python } = options;
  const args = [work, name, String(batch), String(sizePx), String(seconds)];
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const model = createModel(name).eval();
    const features = (images: ReturnType<typeof rand>) => model.encode(images).features.mean(1);
    const gflopPerImage =
      countFlops(() => noGrad(() => scope(() => void features(rand([1, 3, sizePx, sizePx]))))) / 1e9;
    const programs: Record<string, () => Measured> = { [OURS]: () => runTypescript("step.ts", [...args, precision]) };
    // ONNX Runtime has no bfloat16 on processors, and no precision is compared with another.
    if (work === "encode" && precision === "float32") {
      const file = join(folder, "model.onnx");
      writeFileSync(file, toOnnx(features, { sizePx, input: "images", output: "features", version: "0", notes: {} }));
      programs["ONNX Runtime"] = () =>
        runTypescript("peers/onnx.ts", [file, String(batch), String(sizePx), String(seconds), String(getThreads())]);
    }
    model.dispose();
    const version = peerVersion("torch", python);
    if (version === null && python !== undefined)
      throw new SkyloopError("BAD_OPTION", `${python} is no Python that has PyTorch (\`import torch\` fails)`);
    if (version !== null)
      for (const way of waysOf(version))
        programs[`PyTorch ${version}, ${way}`] = () =>
          JSON.parse(runPeer("swin.py", [...args, precision, way], way !== "stock", python)) as Measured;
    const before = gflopsOfMachine();
    const measured = alternate(programs, rounds, within);
    const best = Math.max(before, gflopsOfMachine());
    const medians = Object.fromEntries(
      Object.entries(measured).map(([program, values]) => [program, medianOf(values)]),
    );
    const ours = medians[OURS];
    const ratio = Object.fromEntries(
      Object.entries(medians)
        .filter(([program]) => program !== OURS)
        .map(([program, { imagesPerSecond, imagesPerCpuSecond }]) => [
          program,
          { wall: ours.imagesPerSecond / imagesPerSecond, cpu: ours.imagesPerCpuSecond / imagesPerCpuSecond },
        ]),
    );
    // Backward costs twice what forward does.
    const done = ours.imagesPerSecond * gflopPerImage * (work === "train" ? 3 : 1);
    return {
      work,
      ...options,
      threads: getThreads(),
      measured,
      median: medians,
      ratio,
      gflopPerImage,
      gflopsOfMachine: best,
      shareOfMachine: done / best,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How PyTorch is run: as it is, as who knows libtorch would, and, from 2.0 on, compiled too. */
function waysOf(version: string): string[] {
  return ["stock", "tuned", ...(Number(version.split(".")[0]) >= 2 ? ["compiled"] : [])];
}

function medianOf(values: Measured[]): Measured {
  const of = (key: keyof Measured) => median(values.map((value) => value[key]));
  return { imagesPerSecond: of("imagesPerSecond"), imagesPerCpuSecond: of("imagesPerCpuSecond"), peakMb: of("peakMb") };
}

function gflopsOfMachine(): number {
  const n = 2048;
  return scope(() => {
    const [a, b] = [rand([n, n]), rand([n, n])];
    let best = Infinity;
    for (let i = 0; i < 12; i++) {
      const start = performance.now();
      scope(() => void a.matmul(b));
      best = Math.min(best, performance.now() - start);
    }
    return (2 * n ** 3) / (best * 1e6);
  });
}

/** One table, as Markdown. */
export function modelTable(bench: ModelBench): string {
  const {
    work,
    model,
    batch,
    sizePx,
    precision,
    threads,
    gflopPerImage,
    gflopsOfMachine: machine,
    shareOfMachine,
  } = bench;
  const lines = Object.entries(bench.median).map(([program, { imagesPerSecond, imagesPerCpuSecond, peakMb }]) => {
    const each = bench.measured[program].map((value) => value.imagesPerSecond.toFixed(1)).join(" ");
    const ratio = bench.ratio[program];
    return `| ${program} | ${imagesPerSecond.toFixed(1)} (${each}) | ${ratio === undefined ? "" : ratio.wall.toFixed(2)} | ${imagesPerCpuSecond.toFixed(1)} | ${ratio === undefined ? "" : ratio.cpu.toFixed(2)} | ${peakMb.toFixed(0)} |`;
  });
  return [
    `${work}, ${model}, ${sizePx} px, batch ${batch}, ${threads} threads${precision === "bfloat16" ? "; products in bfloat16, PyTorch's by autocast" : ""}`,
    "",
    "| program | images/s (each round) | Skyloop is faster by | images/s of processor time | Skyloop is faster by | peak memory, MB |",
    "|---|---|---|---|---|---|",
    ...lines,
    "",
    `${gflopPerImage.toFixed(3)} GFLOP an image${work === "train" ? ", three times that to train" : ""}; ${(100 * shareOfMachine).toFixed(0)} % of the ${machine.toFixed(0)} GFLOP/s that this machine's matrix products reach`,
    "",
  ].join("\n");
}
