/** Building an ONNX graph node by node. */
import { type Attribute, constant, node } from "./protobuf.ts";

/** A value of the graph: its name, its shape in the recording, and what it holds where that does not depend on the input. */
export interface Value {
  name: string;
  shape: number[];
  data?: Float32Array | BigInt64Array;
}

export class GraphBuilder {
  readonly nodes: ReturnType<typeof node>[] = [];
  readonly constants: ReturnType<typeof constant>[] = [];
  readonly #placed = new Set<string>();
  readonly #lists = new Map<string, Value>();
  #count = 0;

  /** A node with one output; `shape` is that of the recording. Constants become part of the graph when a node first takes them. */
  add(
    op: string,
    inputs: (Value | null)[],
    shape: number[],
    attributes: Record<string, Attribute> = {},
    name = `${op.toLowerCase()}_${this.nodes.length}`,
  ): Value {
    for (const input of inputs) {
      if (input?.data === undefined || this.#placed.has(input.name)) continue;
      this.#placed.add(input.name);
      this.constants.push(constant(input.name, input.shape, input.data));
    }
    this.nodes.push(
      node(
        op,
        inputs.map((input) => input?.name ?? ""),
        [name],
        attributes,
      ),
    );
    return { name, shape };
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
