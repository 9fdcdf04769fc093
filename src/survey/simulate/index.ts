/** The simulated survey: galaxies with known parameters, as the Legacy Surveys would see them. */
import { availableParallelism } from "node:os";
import { SkyloopError } from "../../base/errors.ts";
import type { Progress } from "../../base/progress.ts";
import type { Simulation, SurveyHeader } from "../../contract/survey.ts";
import { type SurveyOptions, SurveyWriter } from "../folder.ts";
import type { Keeping } from "../replace.ts";
import { StampDrawer } from "./drawer.ts";
import { BANDS, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { CLASS_SHARES, type Population } from "./population.ts";
import { galaxyOf, SIMULATOR } from "./simulation.ts";

export { CLASS_SHARES, drawGalaxy, type Galaxy, type GalaxyClass } from "./population.ts";
export { renderGalaxy, renderIdeal } from "./render.ts";
export { sharesWith } from "./simulation.ts";

/** A picture of a stamp [3, S, S] in nanomaggies, as the bytes of a WebP file. */
export type DrawPicture = (stamp: Float32Array, sizePx: number) => Promise<Uint8Array>;

/** How many galaxies to simulate, of what kind, from which seed, with how many worker threads. */
export interface SimulateOptions extends Partial<Population> {
  count: number;
  seed: number;
  /** Side of the stamps; 128 unless given. */
  sizePx?: number;
  /**
   * What is kept of a stamp: float32 flux (unless given), nothing (it is drawn when asked for), or a picture. A run that was
   * killed is gone on with by one of the same options, where pixels are kept.
   */
  keep?: "f32" | "none" | DrawPicture;
  /** Only this part of the galaxies, from 1: they are the same as in the whole survey. */
  shard?: { part: number; of: number };
  workers?: number;
  /** A survey that stands there is replaced, and hands this on. */
  replace?: Keeping;
  progress: Progress;
  command: string;
}

/** Stamps that are drawn ahead of the one that is written, for each thread. */
const AHEAD = 4;

/**
 * Writes a survey of `count` simulated galaxies, the same for the same seed whatever the number of workers and parts.
 * Throws BAD_OPTION, DISK_FULL, LOCKED, SIMULATION_DIFFERS, SURVEY_EXISTS unless it is to be replaced.
 */
export async function simulateSurvey(out: string, options: SimulateOptions): Promise<SurveyHeader> {
  const { count, seed, sizePx = 128, shares = CLASS_SHARES, radiusArcsec = null, keep = "f32", shard } = options;
  check(options, sizePx);
  const { part, of } = shard ?? { part: 1, of: 1 };
  const [from, to] = [Math.floor(((part - 1) * count) / of), Math.floor((part * count) / of)];
  const simulation: Simulation = {
    simulator: SIMULATOR,
    seed,
    sizePx,
    shares: { ...shares },
    radiusArcsec: radiusArcsec === null ? null : [...radiusArcsec],
  };
  const asPictures = typeof keep === "function";
  const replacing = options.replace === undefined ? null : { keeping: options.replace, inputs: [] };
  const about: SurveyOptions = {
    title: of === 1 ? "Simulated galaxies" : `Simulated galaxies, part ${part} of ${of}`,
    kind: asPictures ? "colour" : "flux",
    bands: asPictures ? ["r", "g", "b"] : [...BANDS],
    unit: asPictures ? "colour" : "nanomaggy",
    pixelScaleArcsec: PIXEL_SCALE_ARCSEC,
    adaptiveCrop: true,
    seed,
    command: options.command,
    ...(keep === "none"
      ? { simulation }
      : { request: { ...simulation, count, keep: asPictures ? "webp" : keep, part, of } }),
  };
  const writer = new SurveyWriter(out, about, replacing);
  const workers = options.workers ?? availableParallelism();
  const drawer = new StampDrawer(simulation, workers);
  const ahead = new Map<number, Promise<Pixels>>();
  let asked = from;
  let isWritten = keep !== "none";
  const pixelsOf = (index: number): Promise<Pixels> => {
    if (keep === "none") return Promise.resolve({ codec: "drawn", galaxy: index });
    for (asked = Math.max(asked, index); asked < Math.min(to, index + AHEAD * workers); asked++) {
      const drawn = drawer.draw(asked).then((stamp) => keptOf(stamp, sizePx, keep));
      // Who waits for a later one sees the failure when its turn comes.
      drawn.catch(() => {});
      ahead.set(asked, drawn);
    }
    const found = ahead.get(index) as Promise<Pixels>;
    ahead.delete(index);
    return found;
  };
  try {
    for (let index = from; index < to; index++) {
      const row = { ...describe(simulation, index), widthPx: sizePx, heightPx: sizePx };
      isWritten &&= writer.addWritten(row, asPictures ? "webp" : "f32");
      if (!isWritten) writer.add({ ...row, ...(await pixelsOf(index)) });
      options.progress.update(index + 1 - from, to - from);
    }
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    options.progress.end();
    await drawer.close();
  }
}

type Pixels =
  | { codec: "f32"; data: Float32Array }
  | { codec: "webp"; bytes: Uint8Array }
  | { codec: "drawn"; galaxy: number };

async function keptOf(stamp: Float32Array, sizePx: number, keep: "f32" | DrawPicture): Promise<Pixels> {
  return keep === "f32" ? { codec: "f32", data: stamp } : { codec: "webp", bytes: await keep(stamp, sizePx) };
}

/** Id, position and every parameter of a galaxy. */
function describe(simulation: Simulation, index: number) {
  const { label, raDeg, decDeg, ...parameters } = galaxyOf(simulation, index);
  const faceOnSpiral = (label === "spiral" || label === "barred_spiral") && parameters.inclinationDeg < 60;
  return {
    id: `sim-${String(index + 1).padStart(6, "0")}`,
    raDeg,
    decDeg,
    source: `simulated, seed ${simulation.seed}, galaxy ${index}`,
    columns: { label, faceOnSpiral, ...parameters },
  };
}

function check({ count, shard, radiusArcsec }: SimulateOptions, sizePx: number): void {
  const refuse = (message: string): never => {
    throw new SkyloopError("BAD_OPTION", message);
  };
  if (!Number.isInteger(count) || count < 1) refuse(`--count is a whole number of galaxies, not ${count}`);
  if (!Number.isInteger(sizePx) || sizePx < 32 || sizePx > 1024) refuse(`--size is from 32 to 1024 px, not ${sizePx}`);
  const { part, of } = shard ?? { part: 1, of: 1 };
  const whole = Number.isInteger(part) && Number.isInteger(of);
  if (!whole || part < 1 || part > of || of > count)
    refuse(`--shard is PART/OF with PART from 1 to OF and at least one galaxy a part, not ${part}/${of}`);
  const [low, high] = radiusArcsec ?? [1, 1];
  const stampArcsec = sizePx * PIXEL_SCALE_ARCSEC;
  if (!(low > 0 && high >= low && high <= stampArcsec / 2))
    refuse(
      `--radius is LOW:HIGH in arcsec, up to half a stamp (${(stampArcsec / 2).toFixed(1)} arcsec), not ${low}:${high}`,
    );
}
