/**
 * The peer in encoding: our own network as an ONNX file under ONNX Runtime. `tsx onnx.ts FILE BATCH SIZE SECONDS
 * THREADS`.
 */
import { readFileSync } from "node:fs";
import { openOnnx } from "../../src/models/onnx/runtime.ts";
import { measure } from "../measure.ts";

const [file] = process.argv.slice(2);
const [batch, sizePx, seconds, threads] = process.argv.slice(3).map(Number);
const session = await openOnnx(readFileSync(file), threads);
if (session === null) throw new Error("onnxruntime-node is not installed");
const images = Float32Array.from({ length: batch * 3 * sizePx ** 2 }, (_, i) => (i % 251) / 251);
await measure(() => session.run(images, [batch, 3, sizePx, sizePx]), batch, seconds);
