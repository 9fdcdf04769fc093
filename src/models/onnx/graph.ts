/** Building an ONNX graph node by node. */
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes } from "../../base/files.ts";
import { type Attribute, initializer, operatorNode } from "./protobuf.ts";

/**
 * A value of the graph: its name, its shape in the recording, and what it holds where that does not depend on the
 * input.
 */
export interface Value {
  name: string;
  shape: number[];
  data?: Float32Array | BigInt64Array;
}

/** Collects nodes and constants of an ONNX graph while operators are translated; equal constants are kept once. */
export class GraphBuilder {
  readonly nodes: ReturnType<typeof operatorNode>[] = [];
  readonly constants: ReturnType<typeof initializer>[] = [];
  /** Names in the graph, by a constant's own name and by its contents. */
  readonly #placed = new Map<string, string>();
  readonly #contents = new Map<string, string>();
  readonly #lists = new Map<string, Value>();
  #count = 0;

  /**
   * A node with one output; `shape` is that of the recording. Constants become part of the graph when a node first
   * takes them, those of the same contents once.
   */
  add(
    op: string,
    inputs: (Value | null)[],
    shape: number[],
    attributes: Record<string, Attribute> = {},
    name = `${op.toLowerCase()}_${this.nodes.length}`,
  ): Value {
    this.nodes.push(
      operatorNode(
        op,
        inputs.map((input) => (input === null ? "" : this.#place(input))),
        [name],
        attributes,
      ),
    );
    return { name, shape };
  }

  /** The name by which a node takes a value. */
  #place({ name, shape, data }: Value): string {
    if (data === undefined) return name;
    let placed = this.#placed.get(name);
    if (placed === undefined) {
      const contents = `${data.constructor.name} ${shape} ${hashBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
      placed = this.#contents.get(contents) ?? name;
      if (placed === name) this.constants.push(initializer(name, shape, data));
      this.#contents.set(contents, placed);
      this.#placed.set(name, placed);
    }
    return placed;
  }

  constant(data: Float32Array | BigInt64Array, shape: number[]): Value {
    return { name: `constant_${this.#count++}`, shape, data };
  }

  /** The same list is kept once. */
  integers(values: number[], shape = [values.length]): Value {
    const key = `${shape}:${values}`;
    let list = this.#lists.get(key);
    if (list === undefined) {
      list = this.constant(BigInt64Array.from(values, BigInt), shape);
      this.#lists.set(key, list);
    }
    return list;
  }

  scalar(value: number): Value {
    return this.constant(Float32Array.of(value), []);
  }

  reshape(x: Value, target: number[], shape: number[]): Value {
    return this.add("Reshape", [x, this.integers(target)], shape);
  }

  transpose(x: Value, order: number[]): Value {
    return this.add(
      "Transpose",
      [x],
      order.map((dim) => x.shape[dim]),
      { perm: order },
    );
  }

  /** Elements from start to before end of one dimension; a step of -1 runs backwards over all. */
  slice(x: Value, dim: number, start: number, end: number, step: number, shape: number[]): Value {
    return this.add("Slice", [x, ...[start, end, dim, step].map((value) => this.integers([value]))], shape);
  }

  flip(x: Value, dim: number): Value {
    return this.slice(x, dim, -1, -(2 ** 31), -1, x.shape);
  }
}

/** What a constant holds. Throws ONNX_OPERATOR for what follows the input. */
export function dataOf({ data }: Value): Float32Array {
  if (!(data instanceof Float32Array))
    throw new SkyloopError(
      "ONNX_OPERATOR",
      "weights that follow the input cannot be exported; open an issue that names the model",
    );
  return data;
}
