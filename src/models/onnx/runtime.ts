/** ONNX Runtime (onnxruntime-node), where it is installed. */
import type { InferenceSession } from "onnxruntime-node";
import { SkyloopError } from "../../base/errors.ts";
import { noGrad, rand, scope, type Tensor } from "../../torch/index.ts";

/** Images [B, 3, size, size] as floats to the first result; in a session of its own. */
export interface OnnxSession {
  run(images: Float32Array, shape: number[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** A session on `threads` threads; null where ONNX Runtime is not installed. */
export async function openOnnx(bytes: Uint8Array, threads: number): Promise<OnnxSession | null> {
  const runtime = await import("onnxruntime-node").catch(() => null);
  if (runtime === null) return null;
  const session: InferenceSession = await runtime.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  return {
    async run(images, shape) {
      const results = await session.run({ [session.inputNames[0]]: new runtime.Tensor("float32", images, shape) });
      return results[session.outputNames[0]].data as Float32Array;
    },
    close: () => session.release(),
  };
}

/** Largest difference that a model may have from what it was made from, as a share of the largest number. */
const TOLERANCE = 1e-4;

/**
 * Runs the model on five random images and returns the largest difference from `body` over its largest number; null
 * without ONNX Runtime. Throws ONNX_DIFFERS where that is more than 1e-4.
 */
export async function largestDifference(
  bytes: Uint8Array,
  body: (images: Tensor) => Tensor,
  sizePx: number,
): Promise<number | null> {
  const session = await openOnnx(bytes, 1);
  if (session === null) return null;
  const shape = [5, 3, sizePx, sizePx];
  const [images, expected] = noGrad(() =>
    scope(() => {
      const input = rand(shape);
      return [input.toFloat32Array(), body(input).toFloat32Array()];
    }),
  );
  const found = await session.run(images, shape);
  await session.close();
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i])), 0) / scale;
  if (!(found.length === expected.length && worst <= TOLERANCE))
    throw new SkyloopError(
      "ONNX_DIFFERS",
      `the exported model differs by ${worst} of the largest number from what it was made from (allowed: ${TOLERANCE}); open an issue`,
    );
  return worst;
}
