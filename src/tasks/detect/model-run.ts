/** `skyloop detect --model`: the objects of a trained detector in several images, written as a survey of candidates. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes, hashFile } from "../../base/files.ts";
import { detectImages, type ImagesOptions } from "../../detect/images.ts";
import { TileJournal } from "../../detect/journal.ts";
import { realPath } from "../../survey/replace.ts";
import { type Detector, loadDetector } from "./detector.ts";
import { findWithModel, fitImage, type ImageAnswers, tilesFor } from "./find.ts";

/** With which detector, and how images are brought to what it knows; see `skyloop detect --help`. */
export interface ModelRunOptions extends ImagesOptions, ImageAnswers {
  model: string;
  /** What scores less is left out; as the detector's card says unless given. */
  threshold?: number;
  /** In the detector's pixels; 512 and the overlap unless given. */
  tilePx?: number;
  /** Twice the detector's largest object, at least 64 px, unless given. */
  overlapPx?: number;
}

/**
 * Finds and writes; returns a line a terminal shows. A run that was stopped goes on after its last whole tile when it is
 * started again with the same images and options. Throws BAD_HEAD, BAD_OPTION, and as `detectImages`.
 */
export async function detectWithModel(paths: string[], options: ModelRunOptions): Promise<string> {
  const detector = loadDetector(options.model);
  try {
    const { details, model } = detector;
    const threshold = thresholdOf(options, detector);
    const bands = options.bands ?? (details.bands.length === 0 ? null : details.bands);
    const hash = await hashFile(options.model);
    const key = keyOf(paths, threshold, hash, options);
    const journal = new TileJournal(`${realPath(options.out)}.tiles.jsonl`, key);
    const naming = {
      classes: details.classes,
      noun: details.classes.length === 1 ? details.classes[0] : "objects",
      detector: { name: basename(options.model, ".safetensors"), hash },
    };
    const said = await detectImages(paths, { ...options, ...naming, bands }, (image, path) => {
      // What the user says of an image is kept with it.
      image.pixelScaleArcsec = options.pixelScaleArcsec ?? image.pixelScaleArcsec;
      const fitting = fitImage(image, details, options);
      return {
        ...tilesFor(details, fitting, options),
        find: findWithModel(model, details, fitting, threshold),
        journal: {
          finished: (tile) => journal.finished(path, tile),
          add: (tile, found) => journal.add(path, tile, found),
        },
      };
    });
    journal.remove();
    return said;
  } finally {
    detector.model.dispose();
  }
}

/** Throws BAD_OPTION. */
function thresholdOf({ threshold: asked }: ModelRunOptions, { details }: Detector): number {
  const threshold = asked ?? details.threshold;
  if (threshold >= 0 && threshold <= 1) return threshold;
  throw new SkyloopError("BAD_OPTION", `--threshold is a score from 0 to 1, not ${threshold}`);
}

/** Names everything that what is found follows from. */
function keyOf(paths: string[], threshold: number, model: string, options: ModelRunOptions): string {
  const { masks, tilePx, overlapPx, bands, pixelScaleArcsec, unit, rescale } = options;
  const files = [...paths.flatMap((path) => path.split(",")), ...(masks ?? []).map((mask) => mask ?? "")].map(
    (path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return [path, stat?.size, stat?.mtimeMs];
    },
  );
  const answers = { threshold, tilePx, overlapPx, bands, pixelScaleArcsec, unit, rescale };
  return hashBytes(JSON.stringify({ model, files, answers }));
}
