/** `skyloop detect --classical`: every source of several images, written as a survey of candidates. */
import { SkyloopError } from "../base/errors.ts";
import { CLASSICAL } from "./classical.ts";
import { detectImages, type ImagesOptions } from "./images.ts";
import { findClassical } from "./run.ts";

/** Where it goes and how sources are found; see `skyloop detect --help`. */
export interface ClassicalRunOptions extends ImagesOptions {
  threshold?: number;
  contrast?: number;
  tilePx: number;
  overlapPx: number;
}

/** The classical search's scores are peaks over the noise, whatever its options. */
const CLASSICAL_DETECTOR = { name: "classical", hash: "classical" };

/** Finds and writes; returns a line a terminal shows. Images that cannot be read are named, the others go on. Throws the
 * first failure where none can be, and as `writeDetections`. */
export async function detectClassical(paths: string[], options: ClassicalRunOptions): Promise<string> {
  const { tilePx, overlapPx } = options;
  const { threshold = CLASSICAL.threshold, contrast = CLASSICAL.contrast } = options;
  if (!(threshold > 0.5 && threshold < 1000))
    throw new SkyloopError("BAD_OPTION", `--threshold is a number of sigma from 0.5 to 1000, not ${threshold}`);
  if (!(contrast >= 0 && contrast <= 1))
    throw new SkyloopError("BAD_OPTION", `--contrast is a share from 0 to 1, not ${contrast}`);
  if (overlapPx >= tilePx)
    throw new SkyloopError("BAD_OPTION", `--overlap ${overlapPx} is smaller than --tile ${tilePx}`);
  const find = findClassical({ ...CLASSICAL, threshold, contrast });
  const naming = { classes: ["source"], noun: "sources", detector: CLASSICAL_DETECTOR };
  return detectImages(paths, { ...options, ...naming }, () => ({ find, tilePx, overlapPx }));
}
