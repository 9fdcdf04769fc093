/** The server alone while a survey is ranked and exported: saved labels, pages of the ranking, what it keeps waiting, memory. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** A turn of the HTTP thread that came late: in all, and of that how long it ran and waited for a processor. */
export interface Late {
  lateMs: number;
  ranMs: number;
  waitedMs: number;
}

/** Times in milliseconds. */
export interface ServerBench {
  /** Answers to the smallest question there is, asked every 10 ms all the while: how long the HTTP thread stalls. */
  smallestMs: number[];
  /** How late this program was itself, at most: it takes in the export meanwhile, and its answers wait for it. */
  askerLateMs: number;
  /** Turns of the HTTP thread that came more than 10 ms late, as it saw them itself (`loop-delay.mjs`). */
  late: Late[];
  /** A label's way until it is acknowledged. */
  labelMs: number[];
  /** A page of 100 rows somewhere in the ranking, some with a filter. */
  rankingMs: number[];
  /** The whole survey as CSV, once. */
  exportMs: number;
  /** Resident memory of the server's processes, the largest sum that was seen, in megabytes; 0 where /proc is not there. */
  memoryMegabytes: number;
  /** Of that, pages of files (mapped features, libraries), which the system takes back when it needs them. */
  filesMegabytes: number;
}

type Ask = <T>(path: string, body?: object) => Promise<T>;

const timed = async (body: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await body();
  return performance.now() - start;
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks for rounds and an export, and measures everything else meanwhile. `label` gives the n-th object to label, `delays` is where the server's `loop-delay.mjs` writes. */
export async function benchServer(
  ask: Ask,
  address: string,
  pid: number,
  {
    session,
    objects,
    rounds,
    label,
    delays,
  }: { session: string; objects: number; rounds: number; label: (n: number) => string; delays: string },
): Promise<ServerBench> {
  const found: ServerBench = {
    smallestMs: [],
    askerLateMs: 0,
    late: [],
    labelMs: [],
    rankingMs: [],
    exportMs: 0,
    memoryMegabytes: 0,
    filesMegabytes: 0,
  };
  const began = Date.now();
  const own = monitorEventLoopDelay({ resolution: 5 });
  own.enable();
  let over = false;
  const repeat = async (everyMs: number, body: (n: number) => Promise<void>) => {
    for (let n = 0; !over; n++) {
      await body(n);
      await pause(everyMs);
    }
  };
  const others = [
    repeat(10, async () => void found.smallestMs.push(await timed(() => fetch(`${address}/icon.svg`)))),
    repeat(100, async (n) => {
      const labels = [{ object: label(n), value: "negative", clientKey: `bench-${n}` }];
      found.labelMs.push(await timed(() => ask(`/sessions/${session}/labels`, { who: "me", labels })));
    }),
    repeat(300, async (n) => {
      const filter = n % 2 === 0 ? "" : "&minScore=0.2&label=none";
      const offset = n % 2 === 0 ? Math.floor((objects * (n % 7)) / 7) : 0;
      found.rankingMs.push(await timed(() => ask(`/sessions/${session}/ranking?limit=100&offset=${offset}${filter}`)));
    }),
    repeat(250, async () => {
      const { all, files } = memoryOfTree(pid);
      if (all > found.memoryMegabytes) Object.assign(found, { memoryMegabytes: all, filesMegabytes: files });
    }),
  ];
  // What comes is not kept: an asker that holds 70 MB together would be late itself.
  const exported = timed(async () => {
    const { body } = await fetch(`${address}/api/sessions/${session}/export?format=csv`);
    for await (const part of body ?? []) if (part.length === 0) throw new Error("an empty part of an export");
  });
  for (let round = 0; round < rounds; round++) {
    const { round: seen } = await ask<{ round: number }>(`/sessions/${session}`);
    await ask(`/sessions/${session}/rounds`, { who: "me", seen });
    while ((await ask<{ page: { provisional: boolean } | null }>(`/sessions/${session}`)).page?.provisional !== false)
      await pause(100);
  }
  found.exportMs = await exported;
  over = true;
  await Promise.all(others);
  own.disable();
  found.askerLateMs = Math.max(0, own.max / 1e6 - 5);
  found.late = (existsSync(delays) ? readFileSync(delays, "utf8") : "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Late & { at: number })
    .filter(({ at }) => at >= began);
  return found;
}

/**
 * Resident memory of a process and all that it started, in megabytes; pages of files that several have count in each.
 * Not from smaps, which counts them once: reading that holds up every request for memory of the process that is looked
 * at, by 70 ms at this size.
 */
function memoryOfTree(pid: number): { all: number; files: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const of = (name: string) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))?.[1] ?? 0) / 1024;
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return children
      .map(memoryOfTree)
      .reduce((sum, child) => ({ all: sum.all + child.all, files: sum.files + child.files }), {
        all: of("VmRSS"),
        files: of("RssFile"),
      });
  } catch {
    // A process that has just ended, or a system without /proc.
    return { all: 0, files: 0 };
  }
}
