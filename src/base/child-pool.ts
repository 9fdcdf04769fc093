/**
 * A small pool of child processes for work that may end, hang or eat a process: native decoders on files from anywhere.
 * A child that dies takes only the job it was on with it; the others are sent to another child.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { availableParallelism } from "node:os";
import { AREAS, closeAreas, makeArea } from "./child-areas.ts";
import { CHANNEL, encodeFrame, FrameReader } from "./child-frames.ts";
import { messageOf, SkyloopError } from "./errors.ts";
import { workerEntry } from "./workers.ts";

/** What a child may use for one job. */
export interface JobLimits {
  memoryBytes: number;
  /** Processor time; the wall clock may show six times as much (slow disks, busy machines). */
  seconds: number;
}

/** How a child came to an end in the middle of a job. */
export type Death = { how: "memory" | "time" | "crash"; signal: string; limits: JobLimits };

/** Thrown for a job whose child died. */
export class ChildDied extends Error {
  readonly death: Death;
  constructor(death: Death) {
    super(`the process that did it ended (${death.how}, ${death.signal})`);
    this.name = "ChildDied";
    this.death = death;
  }
}

/** What a child is asked to do. */
export type JobRequest = { name: string; input: unknown; limits: JobLimits };
/** What it answers; `retire`: it is to be replaced. `code` is null where no SkyloopError was thrown. */
export type JobReply =
  | { ok: true; value: unknown; retire: boolean }
  | { ok: false; code: string | null; message: string; retire: boolean };

interface Job {
  request: JobRequest;
  /** Only this child will do (it holds a file open), or any. */
  child: Child | null;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Jobs that a child has at a time, so that it never waits for the next: one is sent when a reply has been read. */
const AHEAD = AREAS;
const IDLE_MS = 20_000;

/** Child processes that do jobs, started as there is work and ended when there is none. */
export class ChildPool {
  readonly #entry: URL;
  readonly #most: number;
  readonly #children = new Set<Child>();
  #waiting: Job[] = [];

  /** `entry`: URL of the child's TypeScript source, which calls `serveJobs`. */
  constructor(entry: URL, most = Math.min(8, Math.max(2, availableParallelism()))) {
    this.#entry = entry;
    this.#most = most;
  }

  /** How many jobs keep every child busy. */
  get width(): number {
    return this.#most * AHEAD;
  }

  /** Starts two children before there is work. */
  start(): void {
    while (this.#children.size < Math.min(2, this.#most)) this.#startChild();
  }

  /** Does a job in a child. Throws what the job threw (as a SkyloopError where it was one), or ChildDied. */
  run(request: JobRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, child: null, resolve, reject });
      this.#share();
    });
  }

  /** Ends all children now. */
  close(): void {
    for (const child of this.#children) child.kill();
  }

  #share(): void {
    while (this.#waiting.length > 0) {
      const child = this.#pick();
      if (child === null) return;
      child.take(this.#waiting.shift() as Job);
    }
  }

  #pick(): Child | null {
    const idle = [...this.#children].find(({ load }) => load === 0);
    if (idle !== undefined) return idle;
    if (this.#children.size < this.#most) return this.#startChild();
    const [least] = [...this.#children].sort((a, b) => a.load - b.load);
    return least.load < AHEAD ? least : null;
  }

  #startChild(): Child {
    const child: Child = new Child(
      this.#entry,
      () => this.#share(),
      (lost) => {
        this.#children.delete(child);
        this.#waiting.unshift(...lost);
        this.#share();
      },
    );
    this.#children.add(child);
    return child;
  }
}

class Child {
  readonly #process: ChildProcess;
  readonly #channel: Socket;
  readonly #areas: number[];
  readonly #free: () => void;
  readonly #gone: (lost: Job[]) => void;
  #jobs: Job[] = [];
  #clock: NodeJS.Timeout | null = null;
  #words = "";
  #late = false;
  #retired = false;

  constructor(entry: URL, free: () => void, gone: (lost: Job[]) => void) {
    this.#free = free;
    this.#gone = gone;
    const { path, argv } = workerEntry(entry);
    const made = Array.from({ length: AREAS }, makeArea);
    this.#areas = made.filter((area) => area !== null);
    this.#process = spawn(process.execPath, ["--max-old-space-size=8192", path, ...argv], {
      stdio: ["ignore", "ignore", "pipe", "pipe", ...made.map((area) => area ?? ("ignore" as const))],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    this.#channel = this.#process.stdio[CHANNEL] as Socket;
    const reader = new FrameReader(this.#areas.length === AREAS ? this.#areas : [], (value) =>
      this.#answer(value as JobReply),
    );
    this.#channel.on("data", (piece: Buffer) => {
      try {
        reader.push(piece);
      } catch (error) {
        this.#words = messageOf(error);
        this.kill();
      }
    });
    this.#channel.on("error", () => {});
    this.#process.stderr?.on("data", (text) => {
      this.#words = (this.#words + text).slice(-4000);
    });
    this.#process.once("error", (error) => this.#end(null, error.message));
    this.#process.once("close", (code, signal) => this.#end(code, signal));
    this.#rest();
  }

  get load(): number {
    return this.#retired ? Number.POSITIVE_INFINITY : this.#jobs.length;
  }

  take(job: Job): void {
    this.#jobs.push(job);
    this.#hold(true);
    for (const part of encodeFrame(job.request)) this.#channel.write(part);
    if (this.#jobs.length === 1) this.#watch();
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #watch(): void {
    if (this.#clock !== null) clearTimeout(this.#clock);
    this.#clock = setTimeout(() => {
      this.#late = true;
      this.kill();
    }, this.#jobs[0].request.limits.seconds * 6000);
  }

  #answer(reply: JobReply): void {
    const job = this.#jobs.shift() as Job;
    if (reply.ok) job.resolve(reply.value);
    else job.reject(reply.code === null ? new Error(reply.message) : new SkyloopError(reply.code, reply.message));
    if (reply.retire) {
      this.#retired = true;
      this.kill();
    } else if (this.#jobs.length > 0) this.#watch();
    else this.#rest();
    this.#free();
  }

  /** Without work a child does not keep its parent alive, and goes after a while. */
  #rest(): void {
    if (this.#clock !== null) clearTimeout(this.#clock);
    this.#clock = setTimeout(() => {
      this.#retired = true;
      this.kill();
    }, IDLE_MS);
    this.#clock.unref();
    this.#hold(false);
  }

  #hold(on: boolean): void {
    const method = on ? "ref" : "unref";
    this.#process[method]();
    this.#channel[method]();
    (this.#process.stderr as Socket | null)?.[method]();
  }

  #end(code: number | null, signal: string | null): void {
    if (this.#clock !== null) clearTimeout(this.#clock);
    this.#channel.destroy();
    closeAreas(this.#areas.splice(0));
    const [current, ...others] = this.#retired ? [undefined, ...this.#jobs] : this.#jobs;
    this.#jobs = [];
    if (current !== undefined) {
      const how = this.#late || signal === "SIGXCPU" ? "time" : ranOut(this.#words) ? "memory" : "crash";
      current.reject(
        new ChildDied({
          how,
          signal: signal ?? `exit ${code}: ${firstLine(this.#words)}`,
          limits: current.request.limits,
        }),
      );
    }
    this.#gone(others as Job[]);
  }
}

const ranOut = (words: string) =>
  /out of memory|allocation failed|bad_alloc|cannot allocate|unable to allocate|failed to allocate|OOM/i.test(words);
const firstLine = (words: string) => words.trim().split("\n")[0].slice(0, 200);
