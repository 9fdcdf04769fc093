/** `skyloop detect --classical`: every source of several images, written as a survey of candidates. */
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Keeping } from "../survey/replace.ts";
import { CLASSICAL } from "./classical.ts";
import { findClassical, findInImage } from "./run.ts";
import { openWide, type WideImage } from "./wide-image.ts";
import { type FoundImage, writeDetections } from "./write.ts";

/** Where it goes and how sources are found; see `skyloop detect --help`. */
export interface ClassicalRunOptions {
  out: string;
  bands: string[] | null;
  threshold?: number;
  contrast?: number;
  tilePx: number;
  overlapPx: number;
  stampPx: number;
  overlaps: boolean;
  replace?: Keeping;
  command: string;
  progress: (label: string, unit: string) => Progress;
}

/** Finds and writes; returns a line a terminal shows. Images that cannot be read are named, the others go on. Throws the
 * first failure where none can be, and as `writeDetections`. */
export async function detectClassical(paths: string[], options: ClassicalRunOptions): Promise<string> {
  const { out, bands, stampPx, tilePx, overlapPx, progress } = options;
  const { threshold = CLASSICAL.threshold, contrast = CLASSICAL.contrast } = options;
  if (!(threshold > 0.5 && threshold < 1000))
    throw new SkyloopError("BAD_OPTION", `--threshold is a number of sigma from 0.5 to 1000, not ${threshold}`);
  if (!(contrast >= 0 && contrast <= 1))
    throw new SkyloopError("BAD_OPTION", `--contrast is a share from 0 to 1, not ${contrast}`);
  if (overlapPx >= tilePx)
    throw new SkyloopError("BAD_OPTION", `--overlap ${overlapPx} is smaller than --tile ${tilePx}`);
  const find = findClassical({ ...CLASSICAL, threshold, contrast });
  const results: FoundImage[] = [];
  const failures: { path: string; cause: unknown }[] = [];
  const opened: WideImage[] = [];
  try {
    for (const path of paths) {
      const bar = progress(`finding in ${path}`, "tiles");
      try {
        const image = await openWide(path, bands, stampPx);
        opened.push(image);
        results.push({ image, ...(await findInImage(image, find, { tilePx, overlapPx }, bar)) });
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
      classes: ["source"],
      title: `Sources in ${results[0].image.name}`,
      progress: progress("cutting stamps", "stamps"),
    });
    const problems = results.flatMap((one) => [...one.image.problems, ...one.problems]);
    const lines = problems.slice(0, 10).map(({ source, code, message }) => `  ${code} ${source}: ${message}\n`);
    const more = problems.length > 10 ? `  … and ${problems.length - 10} more in ${out}/problems.json\n` : "";
    const next = written.count > 0 ? `\nNext: skyloop serve ${out}\n` : "";
    return `${out}: ${written.count} sources in ${results.length} of ${paths.length} images\n${lines.join("")}${more}${next}`;
  } finally {
    for (const image of opened) image.close();
  }
}
