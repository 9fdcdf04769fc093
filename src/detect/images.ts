/** Objects of several images, written as one survey of candidates. */
import { codeOf, messageOf } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { checkCurve, type DetectorIdentity } from "../survey/purity-curve.ts";
import type { Keeping } from "../survey/replace.ts";
import { checkMasks, withMask } from "./bad-pixels.ts";
import { type FindInPart, findInImage, type Tiling } from "./run.ts";
import { openWide, type WideImage } from "./wide-image.ts";
import { type Calibration, type FoundImage, writeDetections } from "./write.ts";

/** Which images are opened, and where what is found in them goes. */
export interface ImagesOptions {
  out: string;
  bands: string[] | null;
  stampPx: number;
  overlaps: boolean;
  outlines?: boolean;
  replace?: Keeping;
  /** Which pixels of each image are bad, in the images' order; null for an image without a mask. */
  masks?: (string | null)[] | null;
  /** What scores stand for, and the probability that a score is. */
  calibration?: Calibration;
  command: string;
  progress: (label: string, unit: string) => Progress;
}

/**
 * Finds and writes; returns a line a terminal shows. `prepare` says how an opened image (`path` as it was given) is
 * searched. Images that cannot be are named, the others go on. Throws BAD_OPTION, CURVE_OF_ANOTHER, the first failure where
 * no image can be searched, and as `writeDetections`.
 */
export async function detectImages(
  paths: string[],
  options: ImagesOptions & { classes: string[]; noun: string; detector: DetectorIdentity },
  prepare: (image: WideImage, path: string) => Tiling & { find: FindInPart },
): Promise<string> {
  const { out, bands, stampPx, progress, noun, masks, calibration } = options;
  if (calibration !== undefined) checkCurve(calibration.curve, options.detector);
  checkMasks(paths, masks ?? null);
  const results: FoundImage[] = [];
  const failures: { path: string; cause: unknown }[] = [];
  const opened: WideImage[] = [];
  try {
    for (const [i, path] of paths.entries()) {
      const bar = progress(`finding in ${path}`, "tiles");
      try {
        const image = withOwnName(await openMasked(path, masks?.[i] ?? null, bands, stampPx), opened);
        opened.push(image);
        const { find, ...tiles } = prepare(image, path);
        results.push({ image, ...(await findInImage(image, find, tiles, bar)) });
      } catch (cause) {
        failures.push({ path, cause });
      } finally {
        bar.end();
      }
    }
    if (results.length === 0) throw failures[0].cause;
    for (const { path, cause } of failures)
      results[0].problems.push({
        source: path,
        code: codeOf(cause) ?? "FITS_UNREADABLE",
        message: messageOf(cause),
        kept: false,
      });
    const written = await writeDetections(results, {
      ...options,
      title: `${noun[0].toUpperCase()}${noun.slice(1)} in ${results.length === 1 ? results[0].image.name : `${results.length} images`}`,
      progress: progress("cutting stamps", "stamps"),
    });
    const problems = results.flatMap((one) => [...one.image.problems, ...one.problems]);
    const lines = problems.slice(0, 10).map(({ source, code, message }) => `  ${code} ${source}: ${message}\n`);
    const more = problems.length > 10 ? `  … and ${problems.length - 10} more in ${out}/problems.json\n` : "";
    const next = written.count > 0 ? `\nNext: skyloop serve ${out}\n` : "";
    return `${out}: ${written.count} ${noun} in ${results.length} of ${paths.length} images\n${lines.join("")}${more}${next}`;
  } finally {
    for (const image of opened) image.close();
  }
}

/** An image with its mask of bad pixels, where it has one. */
export async function openMasked(
  path: string,
  mask: string | null,
  bands: string[] | null,
  stampPx: number,
): Promise<WideImage> {
  const image = await openWide(path, bands, stampPx);
  if (mask === null) return image;
  try {
    return await withMask(image, mask);
  } catch (error) {
    image.close();
    throw error;
  }
}

/** Objects are named after their image: of several that are called alike each further one has a number, which is noted. */
function withOwnName(image: WideImage, others: readonly WideImage[]): WideImage {
  const taken = new Set(others.map(({ name }) => name));
  let name = image.name;
  for (let n = 2; taken.has(name); n++) name = `${image.name}-${n}`;
  if (name === image.name) return image;
  const problem = {
    source: image.paths.join(","),
    code: "ID_CHANGED",
    message: `another image is called ${image.name}; this one is called ${name}`,
    kept: true,
  };
  return { ...image, name, problems: [...image.problems, problem] };
}
