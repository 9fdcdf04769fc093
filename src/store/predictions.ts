/**
 * What trained heads say of a survey's objects, kept in its folder: `predictions/NAME.json`, the numbers `NAME.f32`
 * [rows, columns] and, where an object has a list of rows, where each list begins, `NAME.u32` [objects + 1].
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { readJson, readWhole, writeFileAtomic } from "../base/files.ts";
import type { PredictedColumn } from "../contract/predictions.ts";

export type { PredictedColumn } from "../contract/predictions.ts";

/**
 * What a task says of a survey's objects: numbers in named columns, one row an object, or a list of rows an object
 * (boxes, say): those from `offsets[i]` to `offsets[i + 1]` are of object i.
 */
export interface Predicted {
  columns: PredictedColumn[];
  /** [rows, columns]. */
  values: Float32Array;
  /** [objects + 1]; null: one row an object. */
  offsets: Uint32Array | null;
  /** Of probabilities: the label column and the classes, one a column. */
  classes?: { column: string; names: string[] };
}

/** What kept predictions are of, and by which head. */
export interface PredictionHeader {
  /** The task whose head it was. */
  task: string;
  columns: PredictedColumn[];
  /** One row an object, or a list of them. */
  shape: "row" | "list";
  /** Label column that probabilities are of, and the classes; empty for other predictions. */
  column: string;
  classes: string[];
  /** File of the head, and model it stands on. */
  head: string;
  model: string;
  /** Names the catalogue that the rows are of. */
  dataHash: string;
  /** Objects. */
  count: number;
  madeAt: string;
}

/** What is said of predictions beside their columns. */
export type PredictionSource = Pick<PredictionHeader, "task" | "head" | "model" | "dataHash" | "count" | "madeAt">;

/** The source of predictions that are made now of a survey. */
export function sourceOf(
  { header: { dataHash, count } }: { header: { dataHash: string; count: number } },
  by: Pick<PredictionHeader, "task" | "head" | "model">,
): PredictionSource {
  return { ...by, dataHash, count, madeAt: new Date().toISOString() };
}

const folderOf = (survey: string) => join(survey, "predictions");
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A name that a file can have. Throws BAD_OPTION. */
function checkPredictionName(name: string): string {
  if (!NAME.test(name))
    throw new SkyloopError(
      "BAD_OPTION",
      `a name of predictions has letters, digits, points and dashes only, not "${name}"; choose one with --name`,
    );
  return name;
}

const bytesOf = (values: Float32Array | Uint32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Keeps predictions with a survey; those of the same name are replaced. */
export function savePredictions(
  survey: string,
  name: string,
  source: PredictionSource,
  { columns, values, offsets, classes }: Predicted,
): void {
  checkPredictionName(name);
  mkdirSync(folderOf(survey), { recursive: true });
  const path = (ending: string) => join(folderOf(survey), `${name}.${ending}`);
  // The header is what makes predictions be there: it goes first and comes last.
  rmSync(path("json"), { force: true });
  writeFileAtomic(path("f32"), bytesOf(values));
  if (offsets === null) rmSync(path("u32"), { force: true });
  else writeFileAtomic(path("u32"), bytesOf(offsets));
  const { task, head, model, dataHash, count, madeAt } = source;
  const header: PredictionHeader = {
    task,
    columns,
    shape: offsets === null ? "row" : "list",
    column: classes?.column ?? "",
    classes: classes?.names ?? [],
    head,
    model,
    dataHash,
    count,
    madeAt,
  };
  writeFileAtomic(path("json"), `${JSON.stringify(header, null, 2)}\n`);
}

/** A header as it stands in a file: before there were other tasks, it named classes only. */
type StoredHeader = Omit<PredictionHeader, "task" | "columns" | "shape"> &
  Partial<Pick<PredictionHeader, "task" | "columns" | "shape">>;

/** Predictions of a survey by name; those made for another state of the catalogue are left out. */
export function listPredictions(survey: string, dataHash: string): (PredictionHeader & { name: string })[] {
  if (!existsSync(folderOf(survey))) return [];
  return readdirSync(folderOf(survey))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => {
      const header = readJson(join(folderOf(survey), file)) as StoredHeader;
      const columns = header.columns ?? header.classes.map((name) => ({ name }));
      return { task: "classify", shape: "row" as const, ...header, columns, name: file.slice(0, -5) };
    })
    .filter((header) => header.dataHash === dataHash);
}

/**
 * Numbers of predictions that `listPredictions` names, [rows, columns], and the lists' offsets. Throws SURVEY_BROKEN
 * for files of another length.
 */
export function readPredictions(
  survey: string,
  { name, count, columns, shape }: PredictionHeader & { name: string },
): Pick<Predicted, "values" | "offsets"> {
  const read = (ending: string) => {
    const bytes = readWhole(join(folderOf(survey), `${name}.${ending}`));
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  };
  const broken = (what: string, bytes: number, needed: number) =>
    new SkyloopError(
      "SURVEY_BROKEN",
      `predictions ${name} of ${survey} have ${bytes} bytes${what}, ${needed} are needed; predict again`,
    );
  let offsets: Uint32Array | null = null;
  if (shape === "list") {
    const bytes = read("u32");
    if (bytes.byteLength !== (count + 1) * 4) throw broken(" of offsets", bytes.byteLength, (count + 1) * 4);
    offsets = new Uint32Array(bytes);
  }
  const values = read("f32");
  const rows = offsets === null ? count : offsets[count];
  if (values.byteLength !== rows * columns.length * 4) throw broken("", values.byteLength, rows * columns.length * 4);
  return { values: new Float32Array(values), offsets };
}

/** The rows of one object, each with a number a column. */
export function objectRows(
  { values, offsets }: Pick<Predicted, "values" | "offsets">,
  columns: number,
  object: number,
): number[][] {
  const [from, to] = offsets === null ? [object, object + 1] : [offsets[object], offsets[object + 1]];
  return Array.from({ length: to - from }, (_, i) => [
    ...values.subarray((from + i) * columns, (from + i + 1) * columns),
  ]);
}
