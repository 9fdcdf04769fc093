/** A function of images as an ONNX model, for any number of images. */
import { SkyloopError } from "../../base/errors.ts";
import { rand, scope, type Tensor } from "../../torch/index.ts";
import { GraphBuilder, type Value } from "./graph.ts";
import { OPERATORS } from "./operators.ts";
import { model, value } from "./protobuf.ts";
import { type RecordedValue, record } from "./trace.ts";

/** Operators of ONNX 1.15; Gelu came with it. */
const OPSET = 20;

/** What an exported file says of itself: size of its images, names of input and output, version, notes. */
export interface OnnxOptions {
  sizePx: number;
  /** Names of the input [batch, 3, size, size] and of the result. */
  input: string;
  output: string;
  version: string;
  notes: Record<string, string>;
}

/**
 * The bytes of a model that does what `body` does to images [B, 3, size, size]. It is recorded with two and with three
 * images; what differs follows their number. Throws ONNX_OPERATOR where something is called that has no translation.
 */
export function toOnnx(
  body: (images: Tensor) => Tensor,
  { sizePx, input, output, version, notes }: OnnxOptions,
): Uint8Array {
  const [two, three] = [2, 3].map((count) => scope(() => record(rand([count, 3, sizePx, sizePx]), body)));
  const graph = new GraphBuilder();
  const values = new Map<number, Value>([[0, { name: input, shape: [2, 3, sizePx, sizePx] }]]);
  const constants = two.constants.map(({ data, shape }) => graph.constant(data, shape));
  for (const [i, call] of two.calls.entries()) {
    const other = three.calls[i];
    if (other?.op !== call.op)
      throw new Error(`the number of images changes what is called: ${call.op} and ${other?.op}`);
    const translate = OPERATORS[call.op];
    if (translate === undefined)
      throw new SkyloopError(
        "ONNX_OPERATOR",
        `${call.op} has no translation to ONNX; open an issue that names the model`,
      );
    const args = call.args.map((arg, at) => inGraph(arg, other.args[at], values, constants));
    values.set(call.result, translate(graph, { op: call.op, args, shape: call.shape }));
  }
  const result = values.get(two.output) as Value;
  graph.add("Identity", [result], result.shape, {}, output);
  const shape = two.outputShape.map((size, dim) => (size === three.outputShape[dim] ? size : "batch"));
  const parts = {
    name: "skyloop",
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [value(input, ["batch", 3, sizePx, sizePx])],
    outputs: [value(output, shape)],
  };
  return model(parts, OPSET, { name: "skyloop", version }, notes);
}

/** A recorded argument with its tensors as values of the graph; sizes that differ between the recordings become -1. */
function inGraph(two: RecordedValue, three: RecordedValue, values: Map<number, Value>, constants: Value[]): unknown {
  if (Array.isArray(two))
    return two.map((entry, i) => inGraph(entry, (three as RecordedValue[])[i], values, constants));
  if (typeof two === "object" && two !== null)
    return "dynamic" in two ? values.get(two.dynamic) : constants[two.constant];
  return two === three ? two : -1;
}

export { largestDifference, openOnnx } from "./runtime.ts";
