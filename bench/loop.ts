/**
 * A round at 200,000 objects: click to saved label, first page, full ranking; beside the same learning and scoring in
 * PyTorch. With eight-bit features they lie in a file, as those of tens of millions do. `skyloop bench loop`.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mapFile } from "../src/base/map-file.ts";
import { Random } from "../src/base/random.ts";
import { eightBitRows, type RowMatrix } from "../src/base/row-matrix.ts";
import { featureSpace } from "../src/loop/learn.ts";
import { nextRound } from "../src/loop/round.ts";
import { addLabels, createSession } from "../src/loop/session.ts";
import { openArtefacts } from "../src/store/artefacts.ts";
import { openStore } from "../src/store/sqlite.ts";
import { hasPeer, median, runPeer } from "./common.ts";

export interface LoopBench {
  objects: number;
  dim: number;
  /** Milliseconds from the call to the label on disk. */
  clickToSavedMs: { median: number; worst: number };
  /** Seconds of each round. */
  firstPageSeconds: number[];
  fullRankingSeconds: number[];
  /** Processor time of each round, and of it up to the first page: what they take however busy the machine is. */
  processorSeconds: number[];
  firstPageProcessorSeconds: number[];
  /** The most memory that this process held, in bytes: features in memory are part of it. */
  peakBytes: number;
  peerSeconds: number[];
  peerProcessorSeconds: number[];
  peerPeakBytes: number | null;
}

const BLOCK = 65_536;

function floatFeatures(objects: number, dim: number): Float32Array {
  const random = new Random(1);
  const matrix = new Float32Array(objects * dim);
  for (let i = 0; i < matrix.length; i++) matrix[i] = random.next() + random.next() - 1;
  return matrix;
}

/** Eight-bit features in a file, [objects, dim], mapped. */
function int8Features(path: string, objects: number, dim: number): RowMatrix {
  const random = new Random(1);
  const file = openSync(path, "w");
  const block = new Int8Array(BLOCK * dim);
  const bits = new Int32Array(block.buffer);
  for (let from = 0; from < objects; from += BLOCK) {
    // Bytes of 32 random bits; one that no code has counts as the next.
    for (let i = 0; i < bits.length; i++) bits[i] = random.next() * 2 ** 32;
    for (let i = 0; i < block.length; i++) if (block[i] === -128) block[i] = -127;
    writeSync(file, block, 0, Math.min(BLOCK, objects - from) * dim);
  }
  closeSync(file);
  const code = { offset: new Float32Array(dim), scale: new Float32Array(dim).fill(1 / 32) };
  const bytes = mapFile(path);
  if (bytes === null) throw new Error("the native part that maps files is missing: run npm run setup");
  return eightBitRows(new Int8Array(bytes), dim, code);
}

const idOf = (row: number) => `object-${row}`;
const indexOf = (id: string) => Number(id.slice("object-".length));

export async function benchLoop({ objects = 200_000, dim = 384, rounds = 3, int8 = false } = {}): Promise<LoopBench> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const file = join(folder, "features.i8");
    const space = featureSpace(int8 ? int8Features(file, objects, dim) : floatFeatures(objects, dim), dim);
    const about = { name: "bench", dataHash: "bench", indexOf };
    const store = await openStore(folder);
    const ids = Array.from({ length: 40 }, (_, row) => idOf(row));
    const session = await createSession(store, about, "bench", {
      survey: "bench",
      model: "bench",
      target: "bench",
      alpha: 0.5,
      pageSize: 20,
      randomPicks: 2,
      seed: 1,
      who: "bench",
      positive: ids.slice(0, 20),
      negative: ids.slice(20, 40),
    });
    const clicks: number[] = [];
    const [first, firstProcessor, full, processor]: number[][] = [[], [], [], []];
    const [peer, peerProcessor, peerPeak]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      for (let click = 0; click < 100; click++) {
        const start = performance.now();
        await addLabels(store, about, session, {
          who: "bench",
          labels: [{ object: idOf(100 + round * 100 + click), value: click % 2 === 0 ? "positive" : "negative" }],
        });
        clicks.push(performance.now() - start);
      }
      const start = performance.now();
      const began = process.cpuUsage();
      const used = () => {
        const { user, system } = process.cpuUsage(began);
        return (user + system) / 1e6;
      };
      let page = 0;
      const { seconds } = await nextRound({
        store,
        artefacts: openArtefacts(folder),
        session,
        count: objects,
        idOf,
        indexOf,
        space,
        weightsHash: "bench",
        onPage: () => {
          if (page > 0) return;
          page = (performance.now() - start) / 1000;
          firstProcessor.push(used());
        },
      });
      first.push(page);
      full.push(seconds);
      processor.push(used());
      if (!hasPeer()) continue;
      const size = [objects, dim, 40 + 100 * (round + 1)].map(String);
      const said = int8 ? runPeer("rank_int8.py", [file, ...size], true) : runPeer("loop.py", size, true);
      const [took, processorTime, peak] = said.trim().split(" ").map(Number);
      peer.push(took);
      peerProcessor.push(processorTime);
      peerPeak.push(peak);
    }
    await store.close();
    return {
      objects,
      dim,
      clickToSavedMs: { median: median(clicks), worst: Math.max(...clicks) },
      firstPageSeconds: first,
      fullRankingSeconds: full,
      processorSeconds: processor,
      firstPageProcessorSeconds: firstProcessor,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      peerSeconds: peer,
      peerProcessorSeconds: peerProcessor,
      peerPeakBytes: peerPeak.length > 0 ? Math.max(...peerPeak) : null,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function loopTable(bench: LoopBench): string {
  const seconds = (values: number[]) => `${values.map((value) => value.toFixed(2)).join(" ")} s`;
  const memory = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const { clickToSavedMs: click, peerSeconds, peerProcessorSeconds, peerPeakBytes } = bench;
  const peer =
    peerSeconds.length === 0
      ? "not installed"
      : `${seconds(peerSeconds)} (learn, score, sort), ${seconds(peerProcessorSeconds)} of processor time, at most ${memory(peerPeakBytes ?? Number.NaN)}`;
  return [
    `${bench.objects} objects x ${bench.dim} features`,
    `  click to saved label  ${click.median.toFixed(2)} ms (worst ${click.worst.toFixed(2)})`,
    `  first page            ${seconds(bench.firstPageSeconds)}, ${seconds(bench.firstPageProcessorSeconds)} of processor time`,
    `  full ranking          ${seconds(bench.fullRankingSeconds)}, ${seconds(bench.processorSeconds)} of processor time`,
    `  memory, at most       ${memory(bench.peakBytes)}`,
    `  PyTorch, tuned        ${peer}`,
  ].join("\n");
}
