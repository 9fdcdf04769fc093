import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { PACKAGE_ROOT } from "./paths.ts";

const SOURCES = join(PACKAGE_ROOT, "src", "/");

/**
 * The file to load for a worker thread and the arguments it needs (`argv` of Worker and of Piscina), given the URL of
 * its TypeScript source as the caller sees it (`new URL("./embed-worker.ts", import.meta.url)`): the compiled `.js`
 * beside a compiled caller, else the source through tsx. With SKYLOOP_WORKERS=dist a caller in src/ gets what dist/
 * holds of it, which starts in a fraction of the time; who sets it answers for dist/ being up to date.
 */
export function workerEntry(source: URL): { path: string; argv: string[] } {
  const file = fileURLToPath(source);
  const compiled = file.replace(/\.ts$/, ".js");
  if (existsSync(compiled)) return { path: compiled, argv: [] };
  if (process.env.SKYLOOP_WORKERS === "dist" && compiled.startsWith(SOURCES)) {
    const built = join(PACKAGE_ROOT, "dist", compiled.slice(SOURCES.length));
    if (existsSync(built)) return { path: built, argv: [] };
  }
  return { path: join(PACKAGE_ROOT, "scripts/ts-worker.mjs"), argv: [pathToFileURL(file).href] };
}

/** Starts a worker thread from the URL of its TypeScript source. */
export function startWorker(source: URL, options: Omit<WorkerOptions, "argv"> = {}): Worker {
  const { path, argv } = workerEntry(source);
  return new Worker(path, { ...options, argv });
}

/** How long threads are left alone before they are ended: compiling what they ran takes a part of it. */
const REST_MS = 100;

/**
 * Ends threads that have answered. Node 20 ends the whole process (an assertion in `NodePlatform::ForIsolate`) where it
 * still compiles in the background for a thread that goes; it seldom does so long after a thread's last work.
 */
export async function endWorkers(threads: Worker[]): Promise<void> {
  if (threads.length > 0) await setTimeout(REST_MS);
  await Promise.all(threads.map((thread) => thread.terminate()));
}

/** Starts a process from the URL of its TypeScript source; messages both ways may hold what structured cloning can. */
export function startProcess(source: URL): ChildProcess {
  const { path, argv } = workerEntry(source);
  return fork(path, argv, { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
}
