/**
 * A round at 200,000 objects: click to saved label, first page, full ranking; beside the same learning and scoring in
 * PyTorch. `skyloop bench loop`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../src/base/random.ts";
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
  peerSeconds: number[];
}

export async function benchLoop({ objects = 200_000, dim = 384, rounds = 3 } = {}): Promise<LoopBench> {
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  try {
    const random = new Random(1);
    const matrix = new Float32Array(objects * dim);
    for (let i = 0; i < matrix.length; i++) matrix[i] = random.next() + random.next() - 1;
    const ids = Array.from({ length: objects }, (_, i) => `object-${i}`);
    const index = new Map(ids.map((id, i) => [id, i]));
    const about = { name: "bench", dataHash: "bench", indexOf: (id: string) => index.get(id) };
    const store = await openStore(folder);
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
    const space = featureSpace(matrix, dim);
    const clicks: number[] = [];
    const [first, full, peer]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      for (let click = 0; click < 100; click++) {
        const start = performance.now();
        await addLabels(store, about, session, {
          who: "bench",
          labels: [{ object: ids[100 + round * 100 + click], value: click % 2 === 0 ? "positive" : "negative" }],
        });
        clicks.push(performance.now() - start);
      }
      const start = performance.now();
      let page = 0;
      const { seconds } = await nextRound({
        store,
        artefacts: openArtefacts(folder),
        session,
        count: objects,
        idOf: (row) => ids[row],
        indexOf: about.indexOf,
        space,
        weightsHash: "bench",
        onPage: () => (page ||= (performance.now() - start) / 1000),
      });
      first.push(page);
      full.push(seconds);
      if (hasPeer())
        peer.push(Number(runPeer("loop.py", [String(objects), String(dim), String(40 + 100 * (round + 1))], true)));
    }
    await store.close();
    return {
      objects,
      dim,
      clickToSavedMs: { median: median(clicks), worst: Math.max(...clicks) },
      firstPageSeconds: first,
      fullRankingSeconds: full,
      peerSeconds: peer,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
