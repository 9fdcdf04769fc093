/**
 * The process that computes: a table of jobs on the workbench. It owns the engine; the process that serves HTTP never
 * waits for it, and lives on when it dies.
 */
import { codedError, messageOf, SkyloopError } from "../base/errors.ts";
import { Urgency } from "../base/give-way.ts";
import { BACKGROUND, mayRaise, NORMAL, setProcessPriority } from "../base/priority.ts";
import { watchProcess } from "../base/watch.ts";
import { Workbench } from "../loop/workbench.ts";
import { loadHead } from "../tasks/heads.ts";
import type { FromWorker, Jobs, Kind, ToWorker } from "./jobs.ts";

type Run<K extends Kind> = (
  bench: Workbench,
  ask: Jobs[K]["ask"],
  tell: (news: Jobs[K]["news"]) => void,
) => Promise<Jobs[K]["answer"]>;

/** A ranking and its assessment wait in all so long for labels and pictures. */
const MOST_REST_MS = 3000;

const urgency = new Urgency();
const pictureHeads = new Map<string, Pick<ReturnType<typeof loadHead>, "task" | "model">>();
const ranking = new Map<string, AbortController>();

/** A newer round of a session ends the full ranking of the one before. */
function beginRanking(key: string): AbortController {
  ranking.get(key)?.abort();
  const control = new AbortController();
  ranking.set(key, control);
  return control;
}

const JOBS: { [K in Kind]: Run<K> } = {
  async round(bench, { folder, session, round }, tell) {
    const { signal } = beginRanking(`${folder} ${session}`);
    const watch = { signal, rest: urgency.rests(MOST_REST_MS) };
    const waiting = someoneWaits();
    try {
      const made = await bench.round(
        session,
        {
          ...watch,
          onPage: (page) => {
            tell({ type: "page", page });
            waiting.over();
          },
          onProgress: (stage, done, total) => tell({ type: "progress", stage, done, total }),
        },
        round,
      );
      tell({ type: "ranked", round: made.page.round, seconds: made.seconds });
      return { round: made.page.round, assessed: await bench.assess(session, made.page.round, watch) };
    } finally {
      waiting.over();
    }
  },
  neighbours: (bench, { model, row, k }) => waitedFor(() => bench.neighbours(model, row, k)),
  far: (bench, { model, row }) => waitedFor(() => bench.far(model, row)),
  diverse: (bench, { model, count, seed }) => waitedFor(() => bench.diverse(model, count, seed)),
  unusual: (bench, { model, count, seed }) => waitedFor(() => bench.unusual(model, count, seed)),
  similar: (bench, { model, like, unlike, pictures, k }) =>
    waitedFor(() => bench.similar(model, { like, unlike, pictures, k })),
  why: (bench, { session, row }) => waitedFor(() => bench.why(session, row)),
  preview: (bench, { session }) => waitedFor(() => bench.preview(session)),
  async map(bench, { model, method }, tell) {
    await bench.map(model, method, (done, total) => tell({ done, total }));
    return null;
  },
  improve: (bench, { head, row }) =>
    waitedFor(async () => {
      const { task, model } = pictureHeads.get(head) ?? loadHead(head);
      pictureHeads.set(head, { task, model });
      const stamp = await bench.survey.readStamp(row);
      if (task.picture === undefined) throw new SkyloopError("BAD_HEAD", `${task.name} makes no pictures`);
      return task.picture(model, stamp);
    }),
  async warm(bench, { model }) {
    await bench.features(model);
    return null;
  },
};

const raisable = mayRaise();
let waits = 0;

/**
 * Somebody waits until `over` is called. Rankings go on in the background, behind clicks and the browser, where the
 * system lets this process become more urgent again.
 */
function someoneWaits(): { over(): void } {
  let counted = true;
  if (++waits === 1 && raisable) setProcessPriority(NORMAL);
  return {
    over() {
      if (counted && --waits === 0 && raisable) setProcessPriority(BACKGROUND);
      counted = false;
    },
  };
}

async function waitedFor<T>(body: () => Promise<T>): Promise<T> {
  const waiting = someoneWaits();
  try {
    return await body();
  } finally {
    waiting.over();
  }
}

const benches = new Map<string, Promise<Workbench>>();

function benchOf(folder: string): Promise<Workbench> {
  let bench = benches.get(folder);
  if (bench === undefined) {
    bench = Workbench.open(folder);
    benches.set(folder, bench);
    // One that could not be opened is tried again with the next job.
    bench.catch(() => benches.delete(folder));
  }
  return bench;
}

async function run<K extends Kind>(kind: K, ask: Jobs[K]["ask"], id: number): Promise<FromWorker> {
  try {
    const bench = await benchOf(ask.folder);
    return { type: "done", id, answer: await JOBS[kind](bench, ask, (news) => send({ type: "news", id, news })) };
  } catch (error) {
    const { code, message } = codedError(error) ?? { code: "INTERNAL", message: messageOf(error) };
    return { type: "failed", id, code, message };
  }
}

function send(message: FromWorker): void {
  // A server that was killed hears nothing; "disconnect" ends this process then.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

process.on("message", (message: ToWorker) => {
  if (message.type === "urgent") return urgency.note();
  void run(message.kind, message.ask, message.id).then(send);
});
watchProcess();
// The server is gone: nobody is there to hear an answer.
process.on("disconnect", () => process.exit());
// Ctrl-C goes to the whole group; the server ends this process when it has closed what it serves.
process.on("SIGINT", () => {});
