/** Model inputs of a survey's stamps, decoded once, in memory. */
import type { Progress } from "../base/progress.ts";
import { openSurvey } from "../survey/folder.ts";
import { cat, keep, type Tensor, tensor } from "../torch/index.ts";
import { loadBlocks } from "./loader.ts";

const BLOCK = 256;

/**
 * Images [rows, 3, size, size] in half precision unless single is asked for, in [0, 1], of the named rows (ascending); a
 * stamp that cannot be read is black.
 */
export async function loadInputs(
  folder: string,
  sizePx: number,
  rows: number[],
  progress: Progress,
  dtype: "float16" | "float32" = "float16",
): Promise<Tensor> {
  const survey = await openSurvey(folder);
  const { count } = survey.header;
  survey.close();
  const plane = 3 * sizePx * sizePx;
  const blocks = [...new Set(rows.map((row) => Math.floor(row / BLOCK)))];
  const ranges = blocks.map((block) => ({ from: block * BLOCK, to: Math.min(count, (block + 1) * BLOCK) }));
  const parts: Tensor[] = [];
  let done = 0;
  for await (const { from, pixels, failed } of loadBlocks(folder, sizePx, ranges)) {
    for (const { index } of failed) pixels.fill(0, (index - from) * plane, (index - from + 1) * plane);
    const own = rows.filter((row) => row >= from && row < from + BLOCK);
    const picked = new Float32Array(own.length * plane);
    // A pixel without a measurement is dark to a model.
    for (const [i, row] of own.entries())
      picked.set(
        pixels
          .subarray((row - from) * plane, (row - from + 1) * plane)
          .map((value) => (Number.isFinite(value) ? value : 0)),
        i * plane,
      );
    parts.push(tensor(picked, [own.length, 3, sizePx, sizePx], dtype));
    done += own.length;
    progress.update(done, rows.length);
  }
  progress.end();
  const images = keep(cat(parts, 0));
  for (const part of parts) part.dispose();
  return images;
}
