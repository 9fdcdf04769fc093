/** Stamps of a survey as model inputs, block after block, decoded ahead on a worker thread. */
import { once } from "node:events";
import { startWorker } from "../base/workers.ts";
import type { DecodeAnswer, DecodeRequest } from "./decode-worker.ts";

/** Blocks asked for ahead of the one in use. */
const AHEAD = 2;

/** Yields the given row ranges in order as [to - from, 3, size, size]. */
export async function* loadBlocks(
  folder: string,
  sizePx: number,
  ranges: DecodeRequest[],
): AsyncGenerator<DecodeAnswer> {
  if (ranges.length === 0) return;
  const worker = startWorker(new URL("./decode-worker.ts", import.meta.url), { workerData: { folder, sizePx } });
  const arrived = new Map<number, DecodeAnswer>();
  worker.on("message", (answer: DecodeAnswer) => arrived.set(answer.from, answer));
  try {
    for (const range of ranges.slice(0, AHEAD)) worker.postMessage(range);
    for (const [i, { from }] of ranges.entries()) {
      while (!arrived.has(from)) await once(worker, "message");
      if (i + AHEAD < ranges.length) worker.postMessage(ranges[i + AHEAD]);
      yield arrived.get(from) as DecodeAnswer;
      arrived.delete(from);
    }
  } finally {
    await worker.terminate();
  }
}
