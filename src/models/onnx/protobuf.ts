/**
 * Writing the protocol buffers of ONNX (onnx.proto3 of ONNX 1.15): the messages a graph of tensors needs, and nothing
 * else.
 */

/** One field of a message: its number and its bytes on the wire, tag included. */
type Field = Uint8Array[];

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  // Negative numbers are written as 64-bit two's complement.
  if (rest < 0n) rest += 1n << 64n;
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const integer = (field: number, value: number): Field => [varint(field * 8), varint(value)];
const float = (field: number, value: number): Field => [
  varint(field * 8 + 5),
  new Uint8Array(Float32Array.of(value).buffer),
];
const bytes = (field: number, ...parts: Uint8Array[]): Field => [
  varint(field * 8 + 2),
  varint(parts.reduce((sum, part) => sum + part.length, 0)),
  ...parts,
];
const text = (field: number, value: string): Field => bytes(field, new TextEncoder().encode(value));
const packed = (field: number, values: number[]): Field => bytes(field, ...values.map(varint));

/** TensorProto.DataType of float32 numbers. */
const FLOAT = 1;
/** TensorProto.DataType of 64-bit integers. */
const INT64 = 7;

/** A number, a list of integers or floats, or a name. Lists of integers are what ONNX calls INTS. */
export type Attribute = number | number[] | string | { float: number };

/** AttributeProto. */
function attribute(name: string, value: Attribute): Field {
  if (typeof value === "string") return [...text(1, name), ...text(4, value), ...integer(20, 3)];
  if (Array.isArray(value)) return [...text(1, name), ...packed(8, value), ...integer(20, 7)];
  if (typeof value === "object") return [...text(1, name), ...float(2, value.float), ...integer(20, 1)];
  return [...text(1, name), ...integer(3, value), ...integer(20, 2)];
}

/** Encodes a NodeProto with its inputs, outputs and attributes; it is called after its first output. */
export function operatorNode(
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, Attribute>,
): Field {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(3, outputs[0]),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, ...attribute(name, value))),
  ];
}

/** TensorProto of float32 or int64. */
export function initializer(name: string, shape: number[], data: Float32Array | BigInt64Array): Field {
  const type = data instanceof Float32Array ? FLOAT : INT64;
  return [
    ...packed(1, shape),
    ...integer(2, type),
    ...text(8, name),
    ...bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

/** ValueInfoProto of a float tensor; a dimension with a name has any size. */
export function value(name: string, shape: (number | string)[]): Field {
  const dimensions = shape.flatMap((size) =>
    bytes(1, ...(typeof size === "number" ? integer(1, size) : text(2, size))),
  );
  const tensor = [...integer(1, FLOAT), ...bytes(2, ...dimensions)];
  return [...text(1, name), ...bytes(2, ...bytes(1, ...tensor))];
}

/** GraphProto in encoded parts; `constants` are its initialisers. */
export interface Graph {
  name: string;
  nodes: Field[];
  constants: Field[];
  inputs: Field[];
  outputs: Field[];
}

/** ModelProto with the operators of `opset`; `notes` become its metadata. */
export function model(
  graph: Graph,
  opset: number,
  producer: { name: string; version: string },
  notes: Record<string, string>,
): Uint8Array {
  const body = [
    ...graph.nodes.flatMap((part) => bytes(1, ...part)),
    ...text(2, graph.name),
    ...graph.constants.flatMap((part) => bytes(5, ...part)),
    ...graph.inputs.flatMap((part) => bytes(11, ...part)),
    ...graph.outputs.flatMap((part) => bytes(12, ...part)),
  ];
  return concat([
    ...integer(1, 9),
    ...text(2, producer.name),
    ...text(3, producer.version),
    ...bytes(7, ...body),
    ...bytes(8, ...text(1, ""), ...integer(2, opset)),
    ...Object.entries(notes).flatMap(([key, content]) => bytes(14, ...text(1, key), ...text(2, content))),
  ]);
}

function concat(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
