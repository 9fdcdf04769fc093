/**
 * The views of one pass after another: made ahead by a worker thread, or when they are asked for. Both give the same,
 * bit for bit.
 */
import { SkyloopError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { startWorker } from "../../base/workers.ts";
import type { ImageBank } from "../../batches/image-bank.ts";
import { noiseTable } from "../../batches/noise.ts";
import type { StoredImages } from "../../batches/stamp-store.ts";
import { STRUCTURES } from "../../stamps/structures/paint.ts";
import { DEVICE_VARIABLE, tensor } from "../../torch/index.ts";
import { Sampler, type SamplerOptions } from "./sampler.ts";
import { makeViews, type Part, type PartViews, pick, type ViewSettings, WHOLE } from "./views.ts";

/** Makes the views of a run's passes, in this thread or ahead in another. */
export interface ViewSource {
  /** Views of this process's part of pass `pass`. Passes are asked for in their order. */
  views(pass: number): PartViews;
  /** Views of the first `count` galaxies of this process, as `random` draws them, for reports; also after `close`. */
  some(count: number, random: Random): PartViews;
  /** Ends the thread. */
  close(): void;
}

/** What makes the views of a run: images, which of them a pass sees, how views look, and their noise. */
interface Making {
  bank: ImageBank;
  sampling: SamplerOptions;
  sampler: Sampler;
  settings: ViewSettings;
  table: Float32Array;
  part: Part;
}

/** States of a slot of shared memory. */
export const [EMPTY, READY, FAILED, STOPPED] = [0, 1, 2, 3] as const;

/** What the worker is told. */
export interface Order {
  place: StoredImages;
  /** 1 for each image that is flux of a simulation. */
  simulated: Uint8Array<SharedArrayBuffer>;
  sampling: SamplerOptions;
  settings: ViewSettings;
  part: Part;
  /** The first pass. */
  from: number;
  table: Float32Array;
  /** Passes go round these, each large enough for one: views, and behind them what was painted. */
  slots: SharedArrayBuffer[];
  /** One state a slot. */
  state: Int32Array<SharedArrayBuffer>;
  /** Why it failed. */
  message: Uint8Array<SharedArrayBuffer>;
}

/** Everything random about a pass's views. */
export const passRandom = (seed: number, pass: number): Random => new Random(seed).fork(`views ${pass}`);

/** Passes that may be made ahead. */
const AHEAD = 2;
/** A pass that takes longer to make than this is taken for a thread that has died. */
const PATIENCE_MS = 120_000;

/** Views in the training thread itself. */
function viewsHere({ bank, sampling: { seed }, sampler, settings, table, part }: Making): Omit<ViewSource, "some"> {
  return {
    views: (pass) => makeViews(bank, sampler.rows(pass), passRandom(seed, pass), settings, table, part),
    close: () => {},
  };
}

/** Views from a thread of their own, from pass `from` on. */
function viewsAhead(
  { bank, sampling, sampler, settings, table, part }: Making,
  from: number,
): Omit<ViewSource, "some"> {
  const { viewPx } = settings;
  const own = Math.ceil((sampling.batchSize - part.rank) / part.size);
  const shape = [2 * own, 3, viewPx, viewPx];
  const numbers = shape.reduce((product, side) => product * side, 1);
  const simulated = new Uint8Array(new SharedArrayBuffer(bank.count));
  for (const [row, truth] of bank.truth.entries()) simulated[row] = truth === null ? 0 : 1;
  const state = new Int32Array(new SharedArrayBuffer(4 * AHEAD));
  const message = new Uint8Array(new SharedArrayBuffer(2000));
  const slots = Array.from({ length: AHEAD }, () => new SharedArrayBuffer(4 * (numbers + own * STRUCTURES.length)));
  const order: Order = {
    place: bank.place,
    simulated,
    sampling,
    settings,
    part,
    from,
    table,
    slots,
    state,
    message,
  };
  // Views are made on the CPU, whatever learns from them.
  const env = { ...process.env, [DEVICE_VARIABLE]: "cpu" };
  const worker = startWorker(new URL("./view-worker.ts", import.meta.url), { workerData: order, env });
  worker.unref();
  return {
    views(pass) {
      const slot = pass % AHEAD;
      while (Atomics.load(state, slot) === EMPTY)
        if (Atomics.wait(state, slot, EMPTY, PATIENCE_MS) === "timed-out")
          throw new SkyloopError(
            "WORKER_DIED",
            `no views after ${PATIENCE_MS / 1000} s: the thread that makes them has died; start the same command again to go on`,
          );
      if (Atomics.load(state, slot) === FAILED)
        throw new SkyloopError(
          "WORKER_DIED",
          `the thread that makes views failed: ${new TextDecoder().decode(message.slice()).replaceAll("\0", "")}`,
        );
      const views = tensor(new Float32Array(slots[slot], 0, numbers), shape);
      const painted = new Float32Array(slots[slot], 4 * numbers).slice();
      Atomics.store(state, slot, EMPTY);
      Atomics.notify(state, slot);
      const { all, places } = pick(
        sampler.rows(pass),
        (row) => simulated[row] === 1,
        part,
        sampling.shards !== undefined,
      );
      return { views, places, rows: all, painted, truth: all.map((row) => bank.truth[row]) };
    },
    close() {
      for (let slot = 0; slot < AHEAD; slot++) {
        Atomics.store(state, slot, STOPPED);
        Atomics.notify(state, slot);
      }
    },
  };
}

/** The views of a part of each pass from pass `from` on; `viewsAhead`: a thread of its own makes them. */
export function openViews(
  bank: ImageBank,
  sampling: SamplerOptions,
  { viewPx, commonRange, objectives, viewsAhead: ahead }: ViewSettings & { viewsAhead: boolean },
  from: number,
  part = WHOLE,
): ViewSource {
  const sampler = new Sampler(sampling);
  const table = noiseTable(sampling.seed);
  const settings = { viewPx, commonRange, objectives };
  const making = { bank, sampling, sampler, settings, table, part };
  return {
    ...(ahead ? viewsAhead(making, from) : viewsHere(making)),
    some(count, random) {
      // The first process has those of the first shard, however many processes there are.
      const own = sampler.rows(0).filter((_, place) => place % (bank.shards?.count ?? 1) === 0);
      return makeViews(bank, own.slice(0, count), random, settings, table);
    },
  };
}
