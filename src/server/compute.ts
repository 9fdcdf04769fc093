/**
 * The HTTP thread's side of the compute worker: jobs out, answers in; a worker that dies fails its jobs and is started
 * anew.
 */
import type { Worker } from "node:worker_threads";
import { SkyloopError } from "../base/errors.ts";
import { Urgency } from "../base/give-way.ts";
import { startWorker } from "../base/workers.ts";
import type { Preview, Why } from "../contract/insight.ts";
import type { Answer, Job } from "./worker.ts";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** An answer of the computing thread. */
export type Message = WithoutId<Answer>;

/** The thread that learns and scores, as the server sees it: jobs in, messages out. It starts with the first job. */
export class Compute {
  /** Rankings rest while these moments follow one another. */
  readonly urgency = new Urgency();
  #worker: Worker | null = null;
  #next = 1;
  readonly #waiting = new Map<number, (message: Message) => void>();

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = startWorker(new URL("./worker.ts", import.meta.url), { workerData: this.urgency.shared });
    worker.on("message", ({ id, ...message }: Answer) => {
      const listener = this.#waiting.get(id);
      // A round goes on after `done`: it is assessed, unless a newer one comes first.
      if (["assessed", "failed", "rows", "why", "preview", "improved"].includes(message.type)) this.#waiting.delete(id);
      listener?.(message as Message);
    });
    const died = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      const listeners = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const listener of listeners)
        listener({
          type: "failed",
          code: "WORKER_DIED",
          message: `the computing thread ended (${why}); nothing labelled is lost, ask again`,
        });
    };
    worker.on("error", (error) => died(error.message));
    worker.on("exit", (code) => died(`exit code ${code}`));
    this.#worker = worker;
    return worker;
  }

  /** Sends a job; `listen` hears every message of it. */
  send(job: Job, listen: (message: Message) => void): void {
    const id = this.#next++;
    this.#waiting.set(id, listen);
    this.#started().postMessage({ id, job });
  }

  /** Asks a question that has one answer. */
  #ask<T extends Message["type"]>(job: Job, type: T): Promise<Extract<Message, { type: T }>> {
    return new Promise((resolve, reject) => {
      this.send(job, (message) => {
        if (message.type === type) resolve(message as Extract<Message, { type: T }>);
        else if (message.type === "failed") reject(new SkyloopError(message.code, message.message));
      });
    });
  }

  /** Rows that a question about feature space finds. */
  async rows(
    job: Extract<Job, { kind: "neighbours" | "diverse" | "warm" }>,
  ): Promise<{ row: number; similarity: number }[]> {
    return (await this.#ask(job, "rows")).rows;
  }

  async why(job: Extract<Job, { kind: "why" }>): Promise<Why> {
    return (await this.#ask(job, "why")).why;
  }

  async preview(job: Extract<Job, { kind: "preview" }>): Promise<Preview> {
    return (await this.#ask(job, "preview")).preview;
  }

  async improve(job: Extract<Job, { kind: "improve" }>): Promise<Uint8Array> {
    return (await this.#ask(job, "improved")).pixels;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}
