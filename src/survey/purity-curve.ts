/**
 * What a detector's scores stand for in a survey, as verdicts taught it (`skyloop loop purity --curve`), and which detector it is that
 * the scores are of.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";

/** A detector: its name, and what its scores follow from. */
export const DetectorIdentity = z.object({
  name: z.string(),
  /** SHA-256 of its weights' file; of the classical search its name. */
  hash: z.string(),
});
export type DetectorIdentity = z.infer<typeof DetectorIdentity>;

const PurityCurve = z.object({
  format: z.literal("skyloop-purity-curve"),
  version: z.literal(1),
  detector: DetectorIdentity,
  /** Session and folder of the verdicts, and how many there were. */
  session: z.string(),
  detections: z.string(),
  verdicts: z.object({ looked: z.number().int(), positives: z.number().int() }),
  /** The least score that was looked at. */
  leastLooked: z.number(),
  /** P(real | score) = 1 / (1 + exp(-(slope * logit(score) + offset))). */
  slope: z.number().nonnegative(),
  offset: z.number(),
});
/** A curve of probability by score with what it was made of. */
export type PurityCurve = z.infer<typeof PurityCurve>;

const FILE = "detector.json";

/** Notes in a folder of detections which detector they are of. */
export function writeDetector(folder: string, detector: DetectorIdentity): void {
  writeFileAtomic(join(folder, FILE), `${JSON.stringify(detector)}\n`);
}

/** The detector of a folder of detections. Throws DETECTOR_UNKNOWN. */
export function readDetector(folder: string): DetectorIdentity {
  const path = join(folder, FILE);
  const parsed = DetectorIdentity.safeParse(existsSync(path) ? parseJson(path) : null);
  if (parsed.success) return parsed.data;
  throw new SkyloopError(
    "DETECTOR_UNKNOWN",
    `${folder} does not say which detector made it (no ${FILE}); make it again with \`skyloop detect … --out ${folder} --overwrite\`, labels stay`,
  );
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** Writes a curve as JSON. */
export function writeCurve(path: string, curve: Omit<PurityCurve, "format" | "version">): void {
  writeFileAtomic(path, `${JSON.stringify({ format: "skyloop-purity-curve", version: 1, ...curve }, null, 1)}\n`);
}

/** Reads what `writeCurve` wrote. Throws FILE_UNREADABLE, CURVE_BROKEN. */
export function readCurve(path: string): PurityCurve {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new SkyloopError("FILE_UNREADABLE", `cannot read the curve ${path}: ${messageOf(cause)}; check the path`, {
      cause,
    });
  }
  const broken = (why: string) =>
    new SkyloopError(
      "CURVE_BROKEN",
      `${path} is not as \`skyloop loop purity SESSION --curve FILE\` writes it (${why}); write it again`,
    );
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw broken(messageOf(cause));
  }
  const parsed = PurityCurve.safeParse(content);
  if (parsed.success) return parsed.data;
  const [{ path: key, message }] = parsed.error.issues;
  throw broken(key.length === 0 ? message : `${key.join(".")}: ${message}`);
}

/** Refuses a curve made for other scores. Throws CURVE_OF_ANOTHER. */
export function checkCurve(curve: PurityCurve, detector: DetectorIdentity): void {
  if (curve.detector.hash === detector.hash) return;
  const named = ({ name, hash }: DetectorIdentity) => (name === hash ? name : `${name} (${hash.slice(0, 12)})`);
  throw new SkyloopError(
    "CURVE_OF_ANOTHER",
    `the curve is of the detector ${named(curve.detector)}, these scores are of ${named(detector)}: what a score stands for differs; look through candidates of this detector and write its own curve, or leave --curve out`,
  );
}
