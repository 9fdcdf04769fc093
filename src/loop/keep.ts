/** What a survey that is made again, or gets more images, keeps of the old one. */
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import { log } from "../base/log.ts";
import type { SurveyHeader } from "../contract/survey.ts";
import { headerIn, listFeatures, openFeatures, writeFeatures } from "../store/features.ts";
import { settleStore } from "../store/settle.ts";
import type { Keeping } from "../survey/replace.ts";

/** Labels and sessions as they are (unless they are to go), and the features of every stamp that is the same. */
export function keepWhatFits({ discardLabels = false } = {}): Keeping {
  return { settleLabels: settleStore, keepFeatures, discardLabels };
}

/** Finished sets only: of an unfinished one the rest is computed anyway. */
function keepFeatures(old: string, fresh: string, oldRows: Int32Array): void {
  if (!oldRows.some((row) => row >= 0)) return;
  const { dataHash } = readJson(join(fresh, "survey.json")) as SurveyHeader;
  for (const { model, done, total } of listFeatures(old)) {
    if (done !== total) continue;
    try {
      keepSet(old, fresh, model, dataHash, oldRows);
    } catch (cause) {
      log.warn({ survey: old, model, message: messageOf(cause) }, "features cannot be kept; they are computed again");
    }
  }
}

function keepSet(old: string, fresh: string, model: string, dataHash: string, oldRows: Int32Array): void {
  const features = openFeatures(old, model);
  const header = headerIn(join(old, "features", model, "features.json"));
  const { dim, weightsHash } = features;
  const { blockRows, precision, int8 } = header;
  const writer = writeFeatures(fresh, {
    model,
    weightsHash,
    dataHash,
    dim,
    count: oldRows.length,
    blockRows,
    ...(precision === undefined ? {} : { precision }),
    ...(int8 === undefined ? {} : { int8 }),
  });
  try {
    for (let block = 0; block < writer.blocks; block++) {
      const from = block * blockRows;
      const rows = oldRows.subarray(from, Math.min(oldRows.length, from + blockRows));
      if (rows.includes(-1)) continue;
      const values = new Float32Array(rows.length * dim);
      for (const [i, row] of rows.entries()) values.set(features.row(row), i * dim);
      writer.write(block, values);
    }
  } finally {
    writer.close();
    features.close();
  }
}
