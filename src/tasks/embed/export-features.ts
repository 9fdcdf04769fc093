/** A survey's features as a file for other programs: rows in the order of the catalogue, with the objects' ids. */
import { renameSync, rmSync } from "node:fs";
import { SkyloopError } from "../../base/errors.ts";
import { writeError, writeFileAtomic } from "../../base/files.ts";
import { npyHeader, npyTexts } from "../../base/npy.ts";
import { streamFeatures } from "../../store/feature-shards.ts";
import { type Cell, writeRows } from "../../survey/duck.ts";
import { openSurvey, type Survey } from "../../survey/folder.ts";

/** What was written: files, number of objects and of features of each. */
export interface ExportedFeatures {
  files: string[];
  count: number;
  dim: number;
}

/**
 * Writes a finished feature set. `.parquet`: columns id, ra, dec (degrees; empty where unknown) and feature_0 to
 * feature_(dim - 1) in float32, with the names and hashes of model and data among the file's key-value metadata. `.npy`: a float32
 * array [count, dim], and beside it `NAME.ids.npy`, an array of text [count]. Features in eight bits are written as the
 * float32 numbers they stand for. Throws BAD_OPTION, SURVEY_MISSING, DISK_FULL, WRITE_FAILED
 * and what `streamFeatures` throws.
 */
export async function exportFeatures(folder: string, model: string, out: string): Promise<ExportedFeatures> {
  const form = /\.(parquet|npy)$/.exec(out)?.[1];
  if (form === undefined)
    throw new SkyloopError("BAD_OPTION", `--out ${out}: features are written as .parquet or .npy; name such a file`);
  const survey = await openSurvey(folder);
  try {
    const features = streamFeatures(folder, model);
    const { count, dim, weightsHash } = features;
    if (form === "npy") {
      const ids = out.replace(/\.npy$/, ".ids.npy");
      writeFileAtomic(ids, npyTexts(idsOf(survey)));
      writeFileAtomic(out, npyParts(features.blocks(), [count, dim]));
      return { files: [out, ids], count, dim };
    }
    const notes = { model, weights_hash: weightsHash, data_hash: survey.header.dataHash };
    await writeParquet(out, dim, rowsOf(survey, features.blocks(), dim), notes);
    return { files: [out], count, dim };
  } finally {
    survey.close();
  }
}

function* npyParts(blocks: Iterable<Float32Array>, shape: number[]): Iterable<Uint8Array> {
  yield npyHeader("<f4", shape);
  for (const block of blocks) yield new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
}

const idsOf = (survey: Survey) => ({
  length: survey.count,
  *[Symbol.iterator]() {
    for (let row = 0; row < survey.count; row++) yield survey.row(row).id;
  },
});

function* rowsOf(survey: Survey, blocks: Iterable<Float32Array>, dim: number): Iterable<Cell[]> {
  let row = 0;
  for (const block of blocks)
    for (let at = 0; at < block.length; at += dim, row++) {
      const { id, raDeg, decDeg } = survey.row(row);
      yield [id, raDeg, decDeg, ...block.subarray(at, at + dim)];
    }
}

async function writeParquet(
  out: string,
  dim: number,
  rows: Iterable<Cell[]>,
  notes: Record<string, string>,
): Promise<void> {
  const columns = [
    { name: "id", type: "string" as const },
    ...["ra", "dec"].map((name) => ({ name, type: "number" as const })),
    ...Array.from({ length: dim }, (_, d) => ({ name: `feature_${d}`, type: "float32" as const })),
  ];
  const temporary = `${out}.${process.pid}.tmp`;
  try {
    await writeRows(temporary, "parquet", columns, rows, notes);
    renameSync(temporary, out);
  } catch (cause) {
    const error = writeError(out, cause);
    rmSync(temporary, { force: true });
    throw error;
  }
}
