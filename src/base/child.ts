/** A child process's end of a pool: does one job after another until its parent goes. */
import { readFrame, writeFrame } from "./child-frames.ts";
import type { JobLimits, JobReply, JobRequest } from "./child-pool.ts";
import { codedError, codeOf, messageOf } from "./errors.ts";

/** A job says so when what it did may have left the process in disorder: it is then replaced. */
export interface ChildJob {
  retire(): void;
}

/** Jobs by name: each takes its input and gives a value that V8 can serialise. */
export type JobTable = Record<string, (input: never, around: ChildJob) => unknown>;

/** `limit` is called before each job with what it may use. Never returns. */
export async function serveJobs(jobs: JobTable, limit: (limits: JobLimits) => void): Promise<never> {
  for (;;) {
    const request = readFrame() as JobRequest | undefined;
    if (request === undefined) process.exit(0);
    let retire = false;
    const around = { retire: () => (retire = true) };
    let reply: JobReply;
    try {
      limit(request.limits);
      reply = { ok: true, value: await jobs[request.name](request.input as never, around), retire };
      reply.retire = retire;
    } catch (error) {
      const coded = codedError(error);
      const code = coded?.code ?? (codeOf(error) === "ENOMEM" ? "FILE_TOO_LARGE" : null);
      reply = { ok: false, code, message: coded?.message ?? messageOf(error), retire };
    }
    writeFrame(reply);
  }
}
