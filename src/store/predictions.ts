/**
 * What trained classifiers say of a survey's objects, kept in its folder: `predictions/NAME.json` and the
 * probabilities, `NAME.f32` [count, classes].
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { readJson, writeFileAtomic } from "../base/files.ts";

/** What kept predictions are of, and by which head. */
export interface PredictionHeader {
  /** Label column that the classes are of, and them. */
  column: string;
  classes: string[];
  /** File of the head, and model it stands on. */
  head: string;
  model: string;
  /** Names the catalogue that the rows are of. */
  dataHash: string;
  count: number;
  madeAt: string;
}

const folderOf = (survey: string) => join(survey, "predictions");
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A name that a file can have. Throws BAD_OPTION. */
export function checkPredictionName(name: string): string {
  if (!NAME.test(name))
    throw new SkyloopError(
      "BAD_OPTION",
      `a name of predictions has letters, digits, points and dashes only, not "${name}"; choose one with --name`,
    );
  return name;
}

/** Keeps probabilities [count, classes]; predictions of the same name are replaced. */
export function savePredictions(
  survey: string,
  name: string,
  header: PredictionHeader,
  probabilities: Float32Array,
): void {
  checkPredictionName(name);
  mkdirSync(folderOf(survey), { recursive: true });
  const json = join(folderOf(survey), `${name}.json`);
  // The header is what makes predictions be there: it goes first and comes last.
  rmSync(json, { force: true });
  writeFileAtomic(
    join(folderOf(survey), `${name}.f32`),
    new Uint8Array(probabilities.buffer, probabilities.byteOffset, probabilities.byteLength),
  );
  writeFileAtomic(json, `${JSON.stringify(header, null, 2)}\n`);
}

/** Predictions of a survey by name; those made for another state of the catalogue are left out. */
export function listPredictions(survey: string, dataHash: string): (PredictionHeader & { name: string })[] {
  if (!existsSync(folderOf(survey))) return [];
  return readdirSync(folderOf(survey))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => ({ name: file.slice(0, -5), ...(readJson(join(folderOf(survey), file)) as PredictionHeader) }))
    .filter((header) => header.dataHash === dataHash);
}

/**
 * Probabilities [count, classes] of predictions that `listPredictions` names. Throws SURVEY_BROKEN for a file of
 * another length.
 */
export function readPredictions(
  survey: string,
  { name, count, classes }: PredictionHeader & { name: string },
): Float32Array {
  const bytes = readFileSync(join(folderOf(survey), `${name}.f32`));
  if (bytes.length !== count * classes.length * 4)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `predictions ${name} of ${survey} have ${bytes.length} bytes, ${count} x ${classes.length} numbers need ${count * classes.length * 4}; predict again`,
    );
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
