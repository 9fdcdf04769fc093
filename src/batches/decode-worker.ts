/** Worker thread that decodes, crops and resizes stamps while the model is busy with others. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../base/errors.ts";
import { modelInput } from "../stamps/model-input.ts";
import { openSurvey } from "../survey/folder.ts";

/** Decodes the stamps of rows `from` to `to` - 1. */
export interface DecodeRequest {
  from: number;
  to: number;
}
/** `pixels` [to - from, 3, size, size]; stamps that cannot be read are all zero and named in `failed`. */
export interface DecodeAnswer {
  from: number;
  pixels: Float32Array<ArrayBuffer>;
  failed: { index: number; message: string }[];
}

const { folder, sizePx } = workerData as { folder: string; sizePx: number };
const survey = openSurvey(folder);

parentPort?.on("message", async ({ from, to }: DecodeRequest) => {
  const { readStamp, header } = await survey;
  const length = 3 * sizePx * sizePx;
  const answer: DecodeAnswer = { from, pixels: new Float32Array((to - from) * length), failed: [] };
  await Promise.all(
    Array.from({ length: to - from }, async (_, i) => {
      try {
        const input = modelInput(await readStamp(from + i), { sizePx, adaptiveCrop: header.adaptiveCrop });
        answer.pixels.set(input, i * length);
      } catch (error) {
        answer.failed.push({ index: from + i, message: messageOf(error) });
      }
    }),
  );
  parentPort?.postMessage(answer, [answer.pixels.buffer]);
});
