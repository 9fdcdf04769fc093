/**
 * The server's side of the computing process: jobs out, news and answers in. A process that dies is started again and
 * does its jobs again; only one that dies twice over a job fails it.
 */
import type { ChildProcess } from "node:child_process";
import { SkyloopError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { startProcess } from "../base/workers.ts";
import type { FromWorker, Jobs, Kind, ToWorker } from "./jobs.ts";

/** Deaths that a job survives. */
const LIVES = 2;
/** Clicks that follow one another are told of once in so many milliseconds. */
const URGENT_EVERY_MS = 25;

interface Waiting {
  kind: Kind;
  ask: Jobs[Kind]["ask"];
  tell(news: unknown): void;
  done(answer: unknown): void;
  failed(error: SkyloopError): void;
  deaths: number;
}

/** The process that learns and scores, as the server sees it: jobs out, answers in. It starts with the first job. */
export class Compute {
  #process: ChildProcess | null = null;
  #next = 1;
  #urgentAt = 0;
  #idle: NodeJS.Timeout | null = null;
  readonly #idleMs: number | null;
  readonly #waiting = new Map<number, Waiting>();
  /** Jobs that a dead process left: done again one after another, so that one that kills takes no other with it. */
  #again: number[] = [];

  /** With `idleMs` the process ends, and gives its memory back, when it has had nothing to do for so long. */
  constructor({ idleMs = null }: { idleMs?: number | null } = {}) {
    this.#idleMs = idleMs;
  }

  /** Does a job; `tell` hears what it says meanwhile. Throws its error, or WORKER_DIED. */
  run<K extends Kind>(
    kind: K,
    ask: Jobs[K]["ask"],
    tell: (news: Jobs[K]["news"]) => void = () => {},
  ): Promise<Jobs[K]["answer"]> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, {
        kind,
        ask,
        tell: tell as (news: unknown) => void,
        done: resolve as (answer: unknown) => void,
        failed: reject,
        deaths: 0,
      });
      this.#send({ type: "job", id, kind, ask });
    });
  }

  /** Somebody clicks: rankings rest while these moments follow one another. */
  urgent(): void {
    const now = performance.now();
    if (this.#process === null || this.#waiting.size === 0 || now - this.#urgentAt < URGENT_EVERY_MS) return;
    this.#urgentAt = now;
    this.#send({ type: "urgent" });
  }

  /** Number of the process in the system, where one runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  #send(message: ToWorker): void {
    // A process that has just died hears nothing; its end is told by its own event, and the job is sent again then.
    this.#started().send(message, () => {});
  }

  #started(): ChildProcess {
    if (this.#process !== null) return this.#process;
    const started = startProcess(new URL("./worker.ts", import.meta.url));
    started.on("message", (message) => this.#hear(message as FromWorker));
    let over = false;
    const died = (why: string) => {
      if (over) return;
      over = true;
      if (this.#process === started) this.#died(why);
    };
    started.on("error", (error) => died(error.message));
    started.on("exit", (code, signal) => died(signal ?? `exit code ${code}`));
    this.#process = started;
    return started;
  }

  #hear(message: FromWorker): void {
    const job = this.#waiting.get(message.id);
    if (job === undefined) return;
    if (message.type === "news") {
      job.tell(message.news);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.type === "done") job.done(message.answer);
    else job.failed(new SkyloopError(message.code, message.message));
    if (this.#again[0] === message.id) this.#resume(this.#again.slice(1));
    if (this.#waiting.size === 0 && this.#idleMs !== null)
      this.#idle = setTimeout(() => void this.close(), this.#idleMs).unref();
  }

  #died(why: string): void {
    this.#process = null;
    const left = [...this.#waiting];
    if (left.length > 0) log.warn({ why, jobs: left.map(([, { kind }]) => kind) }, "the computing process ended");
    // Those that waited for their turn after an earlier death had no part in this one.
    const behind = new Set(this.#again.slice(1));
    for (const [id, job] of left) {
      if (behind.has(id)) continue;
      job.deaths++;
      if (job.deaths < LIVES) continue;
      this.#waiting.delete(id);
      job.failed(
        new SkyloopError(
          "WORKER_DIED",
          `the computing process ended (${why}), twice over the same question; nothing labelled is lost, ask again`,
        ),
      );
    }
    const rest = [...this.#waiting].sort(([, a], [, b]) => Number(b.kind === "round") - Number(a.kind === "round"));
    this.#resume(rest.map(([id]) => id));
  }

  #resume(ids: number[]): void {
    this.#again = ids;
    const job = ids.length === 0 ? undefined : this.#waiting.get(ids[0]);
    if (job !== undefined) this.#send({ type: "job", id: ids[0], kind: job.kind, ask: job.ask });
  }

  /** Ends the process; what it was doing is given up. */
  async close(): Promise<void> {
    const ending = this.#process;
    this.#process = null;
    this.#waiting.clear();
    this.#again = [];
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    await new Promise((resolve) => {
      ending.once("exit", resolve);
      ending.kill("SIGKILL");
    });
  }
}
