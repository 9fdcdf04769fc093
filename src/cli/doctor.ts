import { existsSync, readFileSync, realpathSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, loadavg, release, totalmem } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Command } from "commander";
import { codeOf, messageOf } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { areRight, type Engine, type Regions, type Report, type Warning, warningsFor } from "./doctor-warnings.ts";

/** `skyloop doctor`: examines the machine and prints versions, speed and warnings. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("show versions, libtorch, BLAS, threads, devices and speed, and warn about problems of this machine")
    .option("--json", "one JSON object on standard output")
    .action(async (options: { json?: boolean }) => {
      const report = await examine();
      const warnings = warningsFor(report);
      process.stdout.write(options.json ? `${JSON.stringify({ ...report, warnings })}\n` : describe(report, warnings));
    });
}

async function examine(): Promise<Report> {
  const failures: string[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (thrown) {
      // Asked for by name: nothing of this machine is broken.
      if (codeOf(thrown) === "DEVICE_MISSING" || codeOf(thrown) === "BAD_OPTION") throw thrown;
      failures.push(messageOf(thrown));
      return null;
    }
  };
  const load = loadavg()[0];
  const engine = await attempt(examineEngine);
  const regions = engine === null ? null : await attempt(askRegions);
  const cfitsio = await attempt(cfitsioVersion);
  const { version } = readJson(join(PACKAGE_ROOT, "package.json")) as { version: string };
  const disk = statfsSync(process.cwd());
  const gib = (bytes: number) => Math.round((bytes / 2 ** 30) * 10) / 10;
  return {
    skyloop: version,
    compiled: import.meta.url.endsWith(".js"),
    node: process.versions.node,
    system: `${systemName()}, kernel ${release()}, ${process.arch}`,
    processor: cpus()[0]?.model ?? "unknown",
    processors: availableParallelism(),
    load,
    engine,
    regions,
    cfitsio,
    libtorchVariable: process.env.LIBTORCH ?? null,
    ompWaitPolicy: process.env.OMP_WAIT_POLICY ?? null,
    memoryGib: gib(totalmem()),
    memoryFreeGib: gib(freemem()),
    diskFreeGib: gib(disk.bavail * disk.bsize),
    chromium: findProgram("chromium", "chromium-browser", "google-chrome"),
    page: existsSync(join(PACKAGE_ROOT, "web/dist/index.html")),
    failures,
  };
}

async function examineEngine(): Promise<Engine> {
  const { aboutTorch, getThreads } = await import("../torch/index.ts");
  const about = aboutTorch();
  const libraries = loadedLibraries();
  const built = join(PACKAGE_ROOT, "native/build/libtorch.json");
  const { source, libDir } = existsSync(built)
    ? (readJson(built) as { source: string; libDir: string })
    : { source: "built by hand", libDir: "unknown" };
  const core = libraries.find((path) => path.includes("/libc10."));
  return {
    version: about.version,
    source,
    folder: core ? dirname(core) : libDir,
    blas: findBlas(libraries),
    threads: getThreads(),
    devices: ["cpu", ...Array.from({ length: about.cudaDevices }, (_, i) => `cuda:${i}`)],
    device: (await import("../torch/index.ts")).device(),
    gflops: await measureGflops(),
  };
}

/** Calls a detector's operators once, on the processor. */
async function askRegions(): Promise<Regions> {
  const { op, scope, tensor } = await import("../torch/index.ts");
  const here = (values: number[], shape: number[]) => tensor(values, shape).toDevice("cpu");
  return scope(() => {
    const map = here([...Array(16).keys()], [1, 1, 4, 4]);
    const [scale, bins, samples] = [1, 2, 2];
    const values = op("skyloop::roi_align", map, here([0, 0, 0, 4, 4], [1, 5]), scale, bins, bins, samples, true);
    const boxes = here([0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30], [3, 4]);
    const kept = op("skyloop::nms", boxes, here([0.9, 0.8, 0.7], [3]), 0.5);
    return { roiAlign: [...values.toFloat32Array()], nms: [...kept.to("float32").toFloat32Array()] };
  });
}

/**
 * Speed of a 2048 x 2048 float32 matrix product: the best of several, since anything else running only ever slows it.
 */
async function measureGflops(): Promise<number> {
  const { rand, scope } = await import("../torch/index.ts");
  const n = 2048;
  let best = Infinity;
  scope(() => {
    const a = rand([n, n]);
    const b = rand([n, n]);
    for (let i = 0; i < 8; i++) {
      const start = performance.now();
      scope(() => a.matmul(b).sum().item());
      best = Math.min(best, performance.now() - start);
    }
  });
  return Math.round((2 * n ** 3) / (best * 1e6));
}

/** Opening any FITS file loads cfitsio; its version stands in the library's file name. */
async function cfitsioVersion(): Promise<string | null> {
  await import("../survey/fits.ts");
  const library = loadedLibraries().find((path) => path.includes("libcfitsio"));
  return library?.match(/libcfitsio\.so\.\d+\.(.+)$/)?.[1] ?? library ?? null;
}

/** The files that are mapped into this process; empty where the system does not say. */
function loadedLibraries(): string[] {
  if (!existsSync("/proc/self/maps")) return [];
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  return [...new Set(lines.map((line) => line.slice(line.indexOf("/"))).filter((path) => path.startsWith("/")))];
}

/**
 * The library among these that does the matrix products, with symbolic links followed; null where there is none (it may
 * be inside libtorch).
 */
export function findBlas(libraries: string[]): string | null {
  const path = libraries.find((library) =>
    /\/lib(openblas|blas|mkl_core|mkl_rt|blis|satlas|tatlas)[^/]*\.so/.test(library),
  );
  return path && existsSync(path) ? realpathSync(path) : (path ?? null);
}

function findProgram(...names: string[]): string | null {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path)) ?? null;
}

function systemName(): string {
  const file = "/etc/os-release";
  return (existsSync(file) && readFileSync(file, "utf8").match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1]) || process.platform;
}

function describe(report: Report, warnings: Warning[]): string {
  const rows: [string, string][] = [
    [
      "skyloop",
      `${report.skyloop} (${report.compiled ? "compiled" : "from source; `npm run build` makes it start faster"})`,
    ],
    ["Node", report.node],
    ["system", report.system],
    ["processor", `${report.processor}, ${report.processors} usable, load ${report.load.toFixed(1)}`],
  ];
  const { engine } = report;
  if (engine) {
    rows.push(
      ["libtorch", `${engine.version} from ${engine.folder} (${engine.source})`],
      ["BLAS", engine.blas ?? "inside libtorch, or not to be seen on this system"],
      ["threads", `${engine.threads}, OMP_WAIT_POLICY ${report.ompWaitPolicy ?? "not set"}`],
      ["devices", engine.devices.join(", ")],
      ["speed", `${engine.gflops} GFLOP/s (2048 x 2048 float32 product on ${engine.device}, best of 8)`],
    );
  }
  if (report.regions)
    rows.push([
      "detection",
      areRight(report.regions)
        ? "skyloop::roi_align and skyloop::nms give the known answers"
        : `skyloop::roi_align and skyloop::nms answer ${JSON.stringify(report.regions)}`,
    ]);
  rows.push(
    ["cfitsio", report.cfitsio ?? "not loaded"],
    ["memory", `${report.memoryFreeGib} of ${report.memoryGib} GiB free`],
    ["disk", `${report.diskFreeGib} GiB free here`],
    ["Chromium", report.chromium ?? "not found (only the browser tests need it)"],
  );
  const lines = rows.map(([name, value]) => `${name.padEnd(10)} ${value}`);
  const told = warnings.map(({ what, remedy }) => `warning: ${what}\n    remedy: ${remedy}`);
  return `${[...lines, "", ...(told.length ? told : ["Nothing here makes Skyloop slow or wrong."])].join("\n")}\n`;
}
