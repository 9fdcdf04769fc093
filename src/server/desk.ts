/**
 * The HTTP thread's side of the threads that read whole catalogues: it asks and waits, and goes on answering others
 * meanwhile. Exports have a thread of their own, so that a page of a ranking does not wait for one.
 */
import type { Worker } from "node:worker_threads";
import { SkyloopError } from "../base/errors.ts";
import { startWorker } from "../base/workers.ts";
import type { Survey } from "../survey/folder.ts";
import type { DeskJobs, DeskMessage, DeskOptions, DeskReply } from "./desk-worker.ts";

interface Waiting {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

/** One thread and the questions it has not answered yet; a thread that ends fails them and is started anew. */
class DeskThread {
  #worker: Worker | null = null;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  /** Data hash of each survey that the thread has. */
  readonly #sent = new Map<string, string>();
  readonly #background: boolean;

  /** `background`: nobody looks at each answer, and the HTTP thread goes before it where there are few processors. */
  constructor({ background }: DeskOptions) {
    this.#background = background;
  }

  ask<K extends keyof DeskJobs>(kind: K, survey: Survey, ask: DeskJobs[K]["ask"]): Promise<DeskJobs[K]["answer"]> {
    const worker = this.#started();
    const { folder } = survey;
    const { dataHash } = survey.header;
    const shared = this.#sent.get(folder) === dataHash ? null : survey.shared;
    this.#sent.set(folder, dataHash);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, kind, survey: { folder, dataHash, shared }, ask } satisfies DeskMessage<K>);
    });
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = startWorker(new URL("./desk-worker.ts", import.meta.url), {
      workerData: { background: this.#background } satisfies DeskOptions,
    });
    worker.on("message", (reply: DeskReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("answer" in reply) waiting?.resolve(reply.answer as never);
      else waiting?.reject(new SkyloopError(reply.code, reply.message));
    });
    const ended = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#sent.clear();
      const left = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of left)
        reject(new SkyloopError("WORKER_DIED", `the thread that reads catalogues ended (${why}); ask again`));
    };
    worker.on("error", (error) => ended(error.message));
    worker.on("exit", (code) => ended(`exit code ${code}`));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    for (const { reject } of this.#waiting.values())
      reject(new SkyloopError("WORKER_DIED", "the server is being stopped; ask again when it is back"));
    this.#waiting.clear();
    await worker?.terminate();
  }
}

/** Reads rankings, finds objects and writes exports without holding up the HTTP thread. */
export class Desk {
  readonly #pages = new DeskThread({ background: false });
  readonly #exports = new DeskThread({ background: true });

  /** Rows of a ranking, from `offset` on. */
  ranking(survey: Survey, ask: DeskJobs["ranking"]["ask"]): Promise<DeskJobs["ranking"]["answer"]> {
    return this.#pages.ask("ranking", survey, ask);
  }

  /** The rows that a text names, by ids or positions. */
  lookup(survey: Survey, ask: DeskJobs["lookup"]["ask"]): Promise<DeskJobs["lookup"]["answer"]> {
    return this.#pages.ask("lookup", survey, ask);
  }

  /** Rows within a radius of a position, nearest first. */
  cone(survey: Survey, ask: DeskJobs["cone"]["ask"]): Promise<DeskJobs["cone"]["answer"]> {
    return this.#pages.ask("cone", survey, ask);
  }

  /** A Simple Cone Search's VOTable. */
  coneSearch(survey: Survey, ask: DeskJobs["coneSearch"]["ask"]): Promise<string> {
    return this.#exports.ask("coneSearch", survey, ask);
  }

  /** The nearest object of each row of a table. */
  match(survey: Survey, ask: DeskJobs["match"]["ask"]): Promise<DeskJobs["match"]["answer"]> {
    return this.#exports.ask("match", survey, ask);
  }

  /** Rows with a value of a catalogue column, in the order asked for. */
  byColumn(survey: Survey, ask: DeskJobs["byColumn"]["ask"]): Promise<number[]> {
    return this.#pages.ask("byColumn", survey, ask);
  }

  /** The labels of a table; it may be as large as an export. */
  labels(survey: Survey, ask: DeskJobs["labels"]["ask"]): Promise<DeskJobs["labels"]["answer"]> {
    return this.#exports.ask("labels", survey, ask);
  }

  /** Writes a ranking as a file; returns how many rows it has. */
  export(survey: Survey, ask: DeskJobs["export"]["ask"]): Promise<number> {
    return this.#exports.ask("export", survey, ask);
  }

  /** The images of a survey of detections with the number of candidates in each. */
  fields(survey: Survey): Promise<DeskJobs["fields"]["answer"]> {
    return this.#pages.ask("fields", survey, null);
  }

  /** An image with its sky and all that was found in it: a FieldView as JSON. */
  field(survey: Survey, name: string): Promise<Uint8Array> {
    return this.#pages.ask("field", survey, { name });
  }

  /** Where objects were found. */
  candidates(survey: Survey, objects: string[]): Promise<DeskJobs["candidates"]["answer"]> {
    return this.#pages.ask("candidates", survey, { objects });
  }

  /** The detector's score of each candidate, highest first. */
  detectorScores(survey: Survey): Promise<DeskJobs["detectorScores"]["answer"]> {
    return this.#pages.ask("detectorScores", survey, null);
  }

  async close(): Promise<void> {
    await Promise.all([this.#pages.close(), this.#exports.close()]);
  }
}
