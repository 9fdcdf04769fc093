import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { SkyloopError } from "../base/errors.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { real, SEEDS, whole } from "./numbers.ts";

/** Benchmarks are no part of the installed program: they are read from the repository, through tsx. */
async function load<T>(file: string): Promise<T> {
  const path = join(PACKAGE_ROOT, "bench", file);
  if (!existsSync(path))
    throw new SkyloopError(
      "BENCH_MISSING",
      "benchmarks are part of the repository, not of the installed package; clone it",
    );
  const { register } = await import("tsx/esm/api");
  register();
  return (await import(path)) as T;
}

/** Runs a benchmark and prints what it measured: one JSON object, or as its file shows it. */
async function measureAndPrint(
  file: string,
  [run, show]: [measure: string, show: string],
  { json, ...options }: { json: boolean },
): Promise<void> {
  const found = await load<Record<string, (input: unknown) => unknown>>(file);
  const result = await found[run](options);
  const text = json ? JSON.stringify(result) : String(found[show](result));
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

const numbers = (values: number[]) => values.map((value) => value.toFixed(2)).join(" ");

/** `skyloop bench encode|train|start|regions|detect|loop|sources|page|download|cut|measure|similar`. */
export function addBenchCommand(program: Command): void {
  const bench = program
    .command("bench")
    .description("measure speed, beside PyTorch and ONNX Runtime where they are installed");
  addModelBench(bench);
  addStartBench(bench);
  addRegionsBench(bench);
  addDetectBench(bench);
  addLoopBench(bench);
  addSourcesBench(bench);
  addPageBench(bench);
  addDownloadBench(bench);
  addCutBench(bench);
  addMeasureBench(bench);
  addSimilarBench(bench);
}

function addModelBench(bench: Command): void {
  for (const work of ["encode", "train"] as const)
    bench
      .command(work)
      .description(
        work === "encode"
          ? "images per second through an encoder"
          : "images per second in training (masked images, linear decoder: forward, backward, Adam)",
      )
      .option("--model <name>", "encoder (see skyloop model list)", "lvm-tiny")
      .option("--batch <n>", "images per batch", whole("--batch", 1, 65536), 16)
      .option("--size <px>", "side of the images", whole("--size", 8, 4096), 128)
      .option("--seconds <s>", "seconds per measurement", real("--seconds", 0.01, 86400), 4)
      .option("--rounds <n>", "measurements of each program, interleaved", whole("--rounds", 1, 10000), 3)
      .option("--within <s>", "begin no round that would end later than this", real("--within", 1, 86400), 240)
      .addOption(
        new Option("--precision <name>", "precision of matrix products, ours and PyTorch's")
          .choices(["float32", "bfloat16"])
          .default("float32"),
      )
      .option("--python <path>", "interpreter whose PyTorch is the peer (default: /usr/bin/python3)")
      .option("--json", "one JSON object", false)
      .action(
        async ({
          size,
          json,
          ...options
        }: {
          model: string;
          batch: number;
          size: number;
          seconds: number;
          rounds: number;
          within: number;
          precision: string;
          python?: string;
          json: boolean;
        }) => {
          const { benchModel, modelTable } = await load<{
            benchModel(work: string, options: object): object;
            modelTable(bench: object): string;
          }>("model.ts");
          const result = benchModel(work, { ...options, sizePx: size });
          process.stdout.write(json ? `${JSON.stringify(result)}\n` : modelTable(result));
        },
      );
}

function addStartBench(bench: Command): void {
  bench
    .command("start")
    .description("seconds from process start to the features of one image")
    .option("--model <name>", "encoder (see skyloop model list)", "lvm-tiny")
    .option("--rounds <n>", "starts of each program, interleaved", whole("--rounds", 1, 10000), 5)
    .option("--json", "one JSON object", false)
    .action(async ({ json, ...options }: { model: string; rounds: number; json: boolean }) => {
      const { benchStart } = await load<{
        benchStart(options: object): Record<string, { seconds: number[]; median: number }>;
      }>("start.ts");
      const result = benchStart(options);
      const lines = Object.entries(result).map(
        ([program, { seconds, median }]) => `  ${program.padEnd(16)} ${median.toFixed(2)} s (${numbers(seconds)})\n`,
      );
      process.stdout.write(
        json ? `${JSON.stringify(result)}\n` : `start to first feature, ${options.model}\n${lines.join("")}`,
      );
    });
}

function addRegionsBench(bench: Command): void {
  bench
    .command("regions")
    .description("RoIAlign, its gradient and NMS beside torchvision's")
    .option("--boxes <n>", "number of boxes; NMS takes twice as many", whole("--boxes", 1, 10000000), 1024)
    .option("--rounds <n>", "runs of each program, interleaved", whole("--rounds", 1, 10000), 3)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) => measureAndPrint("regions.ts", ["benchRegions", "regionsTable"], options));
}

function addDetectBench(bench: Command): void {
  bench
    .command("detect")
    .description("a field of 2,048 px and a training step of a detector beside torchvision's Mask R-CNN")
    .option("--rounds <n>", "runs of each program, interleaved", whole("--rounds", 1, 10000), 3)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) => measureAndPrint("detect.ts", ["benchDetect", "detectTable"], options));
}

function addLoopBench(bench: Command): void {
  bench
    .command("loop")
    .description("time of a saved label, a first page and a full ranking, with 200,000 objects x 384 features")
    .option("--objects <n>", "number of objects", whole("--objects", 100, 1000000000), 200_000)
    .option("--dim <n>", "features per object", whole("--dim", 1, 65536), 384)
    .option("--rounds <n>", "number of rounds", whole("--rounds", 1, 10000), 3)
    .option("--int8", "features in eight bits, in a file that is mapped", false)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) => measureAndPrint("loop.ts", ["benchLoop", "loopTable"], options));
}

function addSourcesBench(bench: Command): void {
  bench
    .command("sources")
    .description("sources without a trained model beside sep: purity, completeness by magnitude, processor time")
    .option("--scenes <n>", "simulated fields of 256 px", whole("--scenes", 1, 10_000), 60)
    .option("--seed <n>", "seed of the fields", whole("--seed", 0, SEEDS), 5)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) => measureAndPrint("sources.ts", ["benchSources", "sourcesTable"], options));
}

function addPageBench(bench: Command): void {
  bench
    .command("page")
    .description(
      "the page with 200,000 objects in Chromium: first paint, frames per second, saved label, next page, memory",
    )
    .option("--objects <n>", "number of objects", whole("--objects", 100, 1000000000), 200_000)
    .option("--dim <n>", "features per object", whole("--dim", 1, 65536), 384)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) => measureAndPrint("page.ts", ["benchPage", "describePage"], options));
}

function addDownloadBench(bench: Command): void {
  bench
    .command("download")
    .description(
      "survey download of many positions from a service on loopback, killed on the way: speed, memory, requests",
    )
    .option("--positions <n>", "number of positions", whole("--positions", 1, 100000000), 10_000)
    .option("--size <px>", "side of the cutouts", whole("--size", 8, 4096), 64)
    .option("--kills <n>", "how often it is killed (SIGKILL) and started again", whole("--kills", 0, 1000), 2)
    .option("--json", "one JSON object", false)
    .action(async ({ json, ...options }: { positions: number; size: number; kills: number; json: boolean }) => {
      const { benchDownload } = await load<{ benchDownload(options: object): Promise<Record<string, number>> }>(
        "download.ts",
      );
      const result = await benchDownload(options);
      const lines = Object.entries(result).map(([name, value]) => `  ${name.padEnd(12)} ${Number(value.toFixed(1))}\n`);
      process.stdout.write(
        json
          ? `${JSON.stringify(result)}\n`
          : `download from loopback, ${options.size} px, three bands\n${lines.join("")}`,
      );
    });
}

function addCutBench(bench: Command): void {
  bench
    .command("cut")
    .description("stamps a second of survey cut from four tiles, beside astropy's Cutout2D")
    .option("--stamps <n>", "number of stamps", whole("--stamps", 1, 100000000), 3000)
    .option("--size <px>", "side of the stamps", whole("--size", 8, 4096), 128)
    .option("--side <px>", "side of the tiles", whole("--side", 32, 100000), 1500)
    .option("--rounds <n>", "measurements of each program, interleaved", whole("--rounds", 1, 10000), 3)
    .option("--python <path>", "a Python with astropy", "/usr/bin/python3")
    .option("--json", "one JSON object", false)
    .action(async ({ json, ...options }: { json: boolean; python: string }) => {
      const { benchCut } = await load<{
        benchCut(options: object): Promise<{ stamps: number; stitched: number; ours: number[]; astropy: number[] }>;
      }>("cut.ts");
      const result = await benchCut(options);
      process.stdout.write(
        json
          ? `${JSON.stringify(result)}\n`
          : `${result.stamps} stamps, ${result.stitched} of them stitched\n  survey cut (a survey on disk)  ${numbers(result.ours)} stamps/s\n  Cutout2D (in memory only)      ${result.astropy.length > 0 ? `${numbers(result.astropy)} stamps/s` : "not installed"}\n`,
      );
    });
}

function addMeasureBench(bench: Command): void {
  bench
    .command("measure")
    .description("stamps a second of measure beside sep, and processor time of both, on simulated stamps")
    .option("--stamps <n>", "number of stamps of 128 px", whole("--stamps", 1, 1_000_000), 1000)
    .option("--rounds <n>", "measurements of each program, interleaved", whole("--rounds", 1, 10_000), 3)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) =>
      measureAndPrint("measure-stamps.ts", ["benchMeasure", "describeMeasure"], options),
    );
}

function addSimilarBench(bench: Command): void {
  bench
    .command("similar")
    .description("the objects most like five examples among millions, beside NumPy's product over as many")
    .option("--objects <n>", "number of objects", whole("--objects", 100, 100_000_000), 5_000_000)
    .option("--dim <n>", "features per object", whole("--dim", 1, 65536), 128)
    .option("--questions <n>", "how often is asked", whole("--questions", 1, 1000), 5)
    .option("--json", "one JSON object", false)
    .action((options: { json: boolean }) =>
      measureAndPrint("similar.ts", ["benchSimilar", "describeSimilar"], options),
    );
}
