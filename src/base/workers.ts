import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * The file to load for a worker and the flags it needs, given the URL of its TypeScript source as the caller sees it
 * (`new URL("./embed-worker.ts", import.meta.url)`): the compiled `.js` beside a compiled caller, else the source through tsx.
 */
export function workerEntry(source: URL): { path: string; execArgv: string[] } {
  const compiled = fileURLToPath(source).replace(/\.ts$/, ".js");
  return existsSync(compiled) ? { path: compiled, execArgv: [] } : { path: fileURLToPath(source), execArgv: ["--import", "tsx"] };
}

/** Starts a worker thread from the URL of its TypeScript source. */
export function startWorker(source: URL, options: WorkerOptions = {}): Worker {
  const { path, execArgv } = workerEntry(source);
  return new Worker(path, { ...options, execArgv: [...execArgv, ...(options.execArgv ?? [])] });
}
