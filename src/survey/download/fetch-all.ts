/** Everything of a download that is not there yet, several requests at once. */
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import type { Target } from "../targets.ts";
import { type AskOptions, ask, type Reply } from "./ask.ts";
import { type AnswerFault, checkAnswer, mostBytes } from "./check.ts";
import type { Journal } from "./journal.ts";
import type { CutoutPart, Plan } from "./plan.ts";

/** So many objects one after another without any image are not the objects' fault; those that failed before may be at it. */
const MOST_AWAY = 6;
const FAILED_BEFORE = 0.2;
const TABLE_BYTES = 2 ** 20;

/**
 * Asks for every file that is missing. A file that cannot be had is said in the journal, and the next one is asked for. Throws
 * SERVICE_AWAY, THROTTLED or REQUEST_REFUSED where the service gives nothing any more; what came is kept.
 */
export async function fetchAll(
  plan: Plan,
  journal: Journal,
  targets: Target[],
  atOnce: number,
  options: AskOptions & { halt(): void },
  progress: Progress,
): Promise<void> {
  const missing = targets.filter((target) => isMissing(plan, journal, target));
  const queue = missing.values();
  let done = targets.length - missing.length;
  let away = 0;
  progress.update(done, targets.length);
  const worker = async () => {
    for (const target of queue) {
      if (options.stop.aborted) return;
      const failedBefore = journal.hasFailed(target.row);
      const fault = await fetchOne(plan, journal, target, options);
      if (options.stop.aborted) return;
      if (fault?.again === true) away += failedBefore ? FAILED_BEFORE : 1;
      else away = 0;
      progress.update(++done, targets.length, fault?.code);
      if (fault !== null && (away >= MOST_AWAY || fault.waitMs !== undefined)) throw givenUp(fault, journal, plan);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    options.halt();
    progress.end();
  }
}

const isFinal = (outcome: ReturnType<Journal["outcome"]>) =>
  outcome !== undefined && (!("code" in outcome) || !outcome.again);

function isMissing(plan: Plan, journal: Journal, target: Target): boolean {
  const whole = journal.outcome(target.row, "");
  if (whole !== undefined && "code" in whole) return whole.again;
  const names = journal.names(target.row);
  if (plan.lookupOf(target) !== null && names === null) return true;
  const parts = plan.partsOf(target, names) ?? [];
  const outcomes = parts.map(({ part }) => journal.outcome(target.row, part));
  // One band that cannot be had makes the others useless.
  if (outcomes.some((outcome) => outcome !== undefined && "code" in outcome && !outcome.again)) return false;
  return !outcomes.every(isFinal);
}

type Missed = AnswerFault & { waitMs?: number };

/** Fetches what is missing of one object. Returns why it is not whole, or null. */
async function fetchOne(plan: Plan, journal: Journal, target: Target, options: AskOptions): Promise<Missed | null> {
  const lookup = plan.lookupOf(target);
  if (lookup !== null && journal.names(target.row) === null) {
    const fault = await fetchNames(lookup, plan, journal, target, options);
    if (fault !== null) return fault;
  }
  const parts = plan.partsOf(target, journal.names(target.row));
  if (parts === null) {
    const fault: AnswerFault = {
      code: "NOT_COVERED",
      message: "the service has not all of the bands there",
      again: false,
    };
    journal.miss(target.row, "", lookup ?? "", fault);
    return fault;
  }
  for (const part of parts) {
    const before = journal.outcome(target.row, part.part);
    if (before !== undefined && !("code" in before)) continue;
    const reply = await fetchPart(part, plan, target, options);
    if (options.stop.aborted) return null;
    if ("code" in reply) {
      journal.miss(target.row, part.part, part.url, reply);
      return reply;
    }
    journal.keep(target.row, part.part, part.url, reply);
  }
  return null;
}

function fetchPart({ url, bands }: CutoutPart, plan: Plan, target: Target, options: AskOptions): Promise<Reply> {
  const wanted = { ...plan, raDeg: target.raDeg, decDeg: target.decDeg, bands };
  return ask(url, options, (bytes, type) => checkAnswer(bytes, type, wanted), mostBytes(wanted));
}

/** The files of each band, from the service's table with columns `filter` and `filename`. */
async function fetchNames(
  url: string,
  plan: Plan,
  journal: Journal,
  target: Target,
  options: AskOptions,
): Promise<Missed | null> {
  const accept = (bytes: Uint8Array) =>
    namesIn(bytes) === null
      ? { code: "NOT_FITS", message: "a table of file names was expected, something else came", again: true }
      : bytes;
  const reply = await ask(url, options, accept, TABLE_BYTES);
  if (options.stop.aborted) return null;
  const names = "code" in reply ? null : namesIn(reply.bytes);
  if (names !== null && Object.keys(names).length > 0) {
    journal.learn(target.row, names);
    return null;
  }
  const fault =
    "code" in reply
      ? reply
      : { code: "NOT_COVERED", message: `${plan.provider.title} names no file there`, again: false };
  journal.miss(target.row, "", url, fault);
  return fault;
}

function namesIn(bytes: Uint8Array): Record<string, string> | null {
  const [head, ...rows] = Buffer.from(bytes)
    .toString("latin1")
    .trim()
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/));
  const [filter, filename] = [head.indexOf("filter"), head.indexOf("filename")];
  if (filter < 0 || filename < 0) return null;
  return Object.fromEntries(
    rows.filter((row) => row.length === head.length).map((row) => [row[filter], row[filename]]),
  );
}

function givenUp({ code, message, waitMs }: Missed, journal: Journal, { provider }: Plan): SkyloopError {
  const when =
    waitMs === undefined
      ? "later"
      : `after ${new Date(Date.now() + waitMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const kept = `what came is kept in ${journal.folder}: run the same command again ${when}, and it asks only for what is missing`;
  if (code === "REQUEST_REFUSED")
    return new SkyloopError(
      "REQUEST_REFUSED",
      `${provider.title} refuses these requests (${message}); check --from, --bands and --scale; ${kept}`,
    );
  if (code === "THROTTLED")
    return new SkyloopError("THROTTLED", `${provider.title} wants fewer requests (${message}); lower --rate; ${kept}`);
  return new SkyloopError("SERVICE_AWAY", `${provider.title} gives no images (${code}: ${message}); ${kept}`);
}
