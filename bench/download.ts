/** `skyloop survey download` of many positions from a service on loopback, killed on the way: speed, memory, requests. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/base/paths.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { type CutoutService, startCutoutService } from "../test/fixtures/cutout-service.ts";

/** What was measured. */
export interface DownloadBench {
  positions: number;
  kills: number;
  stamps: number;
  /** Positions by how often they were asked for; the kills cost at most the requests under way. */
  askedOnce: number;
  askedTwice: number;
  seconds: number;
  /** Largest resident memory of the downloading process, and of its decoding processes together. */
  rssMB: number;
  decodersMB: number;
}

const statusOf = (pid: number | string) => {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
};
const field = (status: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);

/** Memory of a process and of its children, in MB. */
function memoryOf(pid: number): { own: number; children: number } {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && field(statusOf(name), "PPid") === pid);
  const mb = (of: number | string) => field(statusOf(of), "VmRSS") / 1024;
  return { own: field(statusOf(pid), "VmHWM") / 1024, children: children.reduce((sum, child) => sum + mb(child), 0) };
}

/** Runs the download to its end, killed so often at even distances. */
export async function benchDownload({
  positions,
  size,
  kills,
}: {
  positions: number;
  size: number;
  kills: number;
}): Promise<DownloadBench> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  const service = await startCutoutService();
  try {
    const catalogue = join(folder, "catalogue.csv");
    const rows = Array.from(
      { length: positions },
      (_, i) => `o${i},${((i * 0.0317) % 360).toFixed(4)},${(60 - i / 100).toFixed(4)}`,
    );
    writeFileSync(catalogue, `id,ra,dec\n${rows.join("\n")}\n`);
    const out = join(folder, "survey");
    const args = [
      "survey",
      "download",
      out,
      "--catalogue",
      catalogue,
      "--from",
      service.template,
      "--size",
      String(size),
      "--rate",
      "1000",
      "--at-once",
      "8",
    ];
    const start = performance.now();
    const peak = { own: 0, children: 0 };
    for (let run = 0; run <= kills; run++) {
      const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/skyloop"), ...args], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const code = await watch(
        child,
        service,
        run < kills ? ((run + 1) * positions) / (kills + 1) : Number.POSITIVE_INFINITY,
        peak,
      );
      if (code !== 0 && run === kills) throw new Error(`the download ended with ${code}`);
    }
    const seconds = (performance.now() - start) / 1000;
    const survey = await openSurvey(out);
    const stamps = survey.count;
    survey.close();
    const asked = [...service.counts.values()];
    const count = (times: number) => asked.filter((value) => value === times).length;
    return {
      positions,
      kills,
      stamps,
      askedOnce: count(1),
      askedTwice: asked.length - count(1),
      seconds,
      rssMB: peak.own,
      decodersMB: peak.children,
    };
  } finally {
    await service.close();
    rmSync(folder, { recursive: true });
  }
}

/** Waits for the end of a run, or kills it when so many positions were asked for. */
async function watch(
  child: ChildProcess,
  service: CutoutService,
  killAt: number,
  peak: { own: number; children: number },
): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const timer = setInterval(() => {
    if (child.pid === undefined) return;
    const { own, children } = memoryOf(child.pid);
    peak.own = Math.max(peak.own, own);
    peak.children = Math.max(peak.children, children);
    if (service.counts.size >= killAt) child.kill("SIGKILL");
  }, 50);
  return ended.finally(() => clearInterval(timer));
}
