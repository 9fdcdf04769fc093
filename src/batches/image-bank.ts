/** All stamps of some surveys, decoded, cropped and resized once, in memory: what training draws its batches from. */
import { hashBytes } from "../base/files.ts";
import type { Progress } from "../base/progress.ts";
import { modelInput } from "../stamps/model-input.ts";
import { openSurvey } from "../survey/folder.ts";
import { cat, keep, type Tensor, tensor } from "../torch/index.ts";

export interface ImageBank {
  /** [N, 3, S, S] in half precision. */
  images: Tensor;
  /** Which survey each image is of, as its place in `surveys`. */
  surveyOf: Uint16Array;
  count: number;
  /** Names the data: over the surveys' hashes and the size. */
  dataHash: string;
}

/** Decodes every stamp of the surveys at `sizePx`; those that cannot be read are skipped and counted in `skipped`. */
export async function loadImageBank(folders: string[], sizePx: number, progress: Progress): Promise<ImageBank & { skipped: number }> {
  const surveys = await Promise.all(folders.map(openSurvey));
  const total = surveys.reduce((sum, survey) => sum + survey.header.count, 0);
  const plane = 3 * sizePx * sizePx;
  const parts: Tensor[] = [];
  const surveyOf: number[] = [];
  let [done, skipped] = [0, 0];
  for (const [s, survey] of surveys.entries()) {
    for (let from = 0; from < survey.header.count; from += 256) {
      const indices = Array.from({ length: Math.min(256, survey.header.count - from) }, (_, i) => from + i);
      const inputs = await Promise.all(indices.map(async (index) => readInput(survey, index, sizePx)));
      const good = inputs.filter((input) => input !== null);
      const block = new Float32Array(good.length * plane);
      for (const [i, input] of good.entries()) block.set(input, i * plane);
      if (good.length > 0) parts.push(tensor(block, [good.length, 3, sizePx, sizePx], "float16"));
      for (const _ of good) surveyOf.push(s);
      skipped += inputs.length - good.length;
      done += inputs.length;
      progress.update(done, total);
    }
  }
  const dataHash = hashBytes(`${sizePx} ${surveys.map(({ header }) => header.dataHash).join(" ")}`);
  for (const survey of surveys) survey.close();
  const images = keep(cat(parts, 0));
  for (const part of parts) part.dispose();
  return { images, surveyOf: Uint16Array.from(surveyOf), count: surveyOf.length, dataHash, skipped };
}

async function readInput(survey: Awaited<ReturnType<typeof openSurvey>>, index: number, sizePx: number): Promise<Float32Array | null> {
  try {
    const input = modelInput(await survey.readStamp(index), { sizePx, adaptiveCrop: survey.header.adaptiveCrop });
    return input.every(Number.isFinite) ? input : null;
  } catch {
    return null;
  }
}
