/** Our operators, ATen's and our own, in ONNX's. */
import { dataOf, type GraphBuilder, type Value } from "./graph.ts";
import { windowAttention } from "./window-attention.ts";

/**
 * A recorded call with its tensors as values of the graph; lists of sizes have -1 where the size follows the number of
 * images.
 */
export interface Call {
  op: string;
  args: unknown[];
  shape: number[];
}

type Translate = (graph: GraphBuilder, call: Call) => Value;

const numbers = (value: unknown) => (typeof value === "number" ? [value] : (value as number[]));
const tensor = (value: unknown) => value as Value;

/** A binary operator with a tensor or a number on the right. */
const binary =
  (name: string): Translate =>
  (graph, { args: [a, b], shape }) =>
    graph.add(name, [tensor(a), typeof b === "number" ? graph.scalar(b) : tensor(b)], shape);
const unary =
  (name: string): Translate =>
  (graph, { args: [x], shape }) =>
    graph.add(name, [tensor(x)], shape);
const reduction =
  (name: string): Translate =>
  (graph, { args: [x, dims, keep], shape }) =>
    graph.add(name, [tensor(x), graph.integers(numbers(dims))], shape, { keepdims: keep === true ? 1 : 0 });

/** A matrix [out, in] as [in, out]: weights are turned once, when the graph is made. */
function turnedWeight(graph: GraphBuilder, weight: Value): Value {
  const data = dataOf(weight);
  const [rows, columns] = weight.shape;
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) turned[k * rows + i] = data[i * columns + k];
  return graph.constant(turned, [columns, rows]);
}

function linear(graph: GraphBuilder, x: Value, weight: Value, bias: Value | null): Value {
  const shape = [...x.shape.slice(0, -1), weight.shape[0]];
  const product = graph.add("MatMul", [x, turnedWeight(graph, weight)], shape);
  return bias === null ? product : graph.add("Add", [product, bias], shape);
}

function layerNorm(graph: GraphBuilder, x: Value, weight: Value, bias: Value, eps: number): Value {
  return graph.add("LayerNormalization", [x, weight, bias], x.shape, { axis: -1, epsilon: { float: eps } });
}

/** Rows of the means over the parts into which `size` is cut: [parts, size]. */
function poolingMatrix(size: number, parts: number): Float32Array {
  const matrix = new Float32Array(parts * size);
  for (let i = 0; i < parts; i++) {
    const [from, to] = [Math.floor((i * size) / parts), Math.ceil(((i + 1) * size) / parts)];
    matrix.fill(1 / (to - from), i * size + from, i * size + to);
  }
  return matrix;
}

/** How each recorded ATen operator becomes ONNX nodes, by the operator's schema name. */
export const OPERATORS: Record<string, Translate> = {
  "add.Tensor": binary("Add"),
  "add.Scalar": binary("Add"),
  "sub.Tensor": binary("Sub"),
  "sub.Scalar": binary("Sub"),
  "mul.Tensor": binary("Mul"),
  "mul.Scalar": binary("Mul"),
  "div.Tensor": binary("Div"),
  "div.Scalar": binary("Div"),
  matmul: binary("MatMul"),
  prelu: binary("PRelu"),
  neg: unary("Neg"),
  sqrt: unary("Sqrt"),
  exp: unary("Exp"),
  gelu: unary("Gelu"),
  relu: unary("Relu"),
  sigmoid: unary("Sigmoid"),
  contiguous: (_, { args: [x] }) => tensor(x),
  "mean.dim": reduction("ReduceMean"),
  "sum.dim_IntList": reduction("ReduceSum"),
  amax: reduction("ReduceMax"),
  amin: reduction("ReduceMin"),
  "softmax.int": (graph, { args: [x, dim], shape }) =>
    graph.add("Softmax", [tensor(x)], shape, { axis: dim as number }),
  clamp: (graph, { args: [x, low, high], shape }) =>
    graph.add(
      "Clip",
      [
        tensor(x),
        low == null ? null : graph.scalar(low as number),
        ...(high == null ? [] : [graph.scalar(high as number)]),
      ],
      shape,
    ),
  view: (graph, { args: [x, sizes], shape }) => graph.reshape(tensor(x), numbers(sizes), shape),
  reshape: (graph, { args: [x, sizes], shape }) => graph.reshape(tensor(x), numbers(sizes), shape),
  // What is broadcast needs no copies: every operator here broadcasts by itself.
  expand: (_, { args: [x], shape }) => ({ ...tensor(x), shape }),
  "flatten.using_ints": (graph, { args: [x, from, to], shape }) => {
    const rank = tensor(x).shape.length;
    const [first, last] = [from, to].map((dim) => ((dim as number) + rank) % rank);
    return graph.reshape(
      tensor(x),
      [
        ...Array.from({ length: first }, () => 0),
        -1,
        ...shape.slice(first + 1, shape.length - (rank - 1 - last)),
        ...tensor(x).shape.slice(last + 1),
      ],
      shape,
    );
  },
  permute: (graph, { args: [x, order] }) => graph.transpose(tensor(x), numbers(order)),
  "transpose.int": (graph, { args: [x, a, b] }) => {
    const order = tensor(x).shape.map((_, dim) => dim);
    const [first, second] = [a, b].map((dim) => ((dim as number) + order.length) % order.length);
    [order[first], order[second]] = [second, first];
    return graph.transpose(tensor(x), order);
  },
  unsqueeze: (graph, { args: [x, dim], shape }) =>
    graph.add("Unsqueeze", [tensor(x), graph.integers([dim as number])], shape),
  "slice.Tensor": (graph, { args: [x, dim, start, end, step], shape }) =>
    graph.slice(tensor(x), dim as number, start as number, end as number, (step as number | undefined) ?? 1, shape),
  flip: (graph, { args: [x, dims] }) => numbers(dims).reduce((value, dim) => graph.flip(value, dim), tensor(x)),
  rot90: (graph, { args: [x, quarters, dims] }) => {
    const [a, b] = numbers(dims);
    const turns = (((quarters as number) % 4) + 4) % 4;
    if (turns === 0) return tensor(x);
    if (turns === 2) return graph.flip(graph.flip(tensor(x), a), b);
    const order = tensor(x).shape.map((_, dim) => dim);
    [order[a], order[b]] = [b, a];
    return graph.transpose(graph.flip(tensor(x), turns === 1 ? b : a), order);
  },
  cat: (graph, { args: [parts, dim], shape }) => graph.add("Concat", parts as Value[], shape, { axis: dim as number }),
  constant_pad_nd: (graph, { args: [x, pads, value], shape }) => {
    const rank = tensor(x).shape.length;
    const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
    for (const [i, size] of numbers(pads).entries())
      (i % 2 === 0 ? before : after)[rank - 1 - Math.floor(i / 2)] = size;
    return graph.add(
      "Pad",
      [tensor(x), graph.integers([...before, ...after]), graph.scalar((value as number | undefined) ?? 0)],
      shape,
    );
  },
  conv2d: (graph, { args: [x, weight, bias, stride, padding, dilation, groups], shape }) =>
    graph.add("Conv", [tensor(x), tensor(weight), ...(bias === null ? [] : [tensor(bias)])], shape, {
      strides: numbers(stride),
      pads: [...numbers(padding), ...numbers(padding)],
      dilations: numbers(dilation),
      group: groups as number,
      kernel_shape: tensor(weight).shape.slice(2),
    }),
  layer_norm: (graph, { args: [x, , weight, bias, eps] }) =>
    layerNorm(graph, tensor(x), tensor(weight), tensor(bias), eps as number),
  linear: (graph, call) => linear(graph, tensor(call.args[0]), tensor(call.args[1]), call.args[2] as Value | null),
  pixel_shuffle: (graph, { args: [x, factor], shape }) =>
    graph.add("DepthToSpace", [tensor(x)], shape, { blocksize: factor as number, mode: "CRD" }),
  upsample_bilinear2d: (graph, { args: [x, size], shape }) => {
    const [height, width] = numbers(size);
    const scales = Float32Array.of(1, 1, height / tensor(x).shape[2], width / tensor(x).shape[3]);
    return graph.add("Resize", [tensor(x), null, graph.constant(scales, [4])], shape, {
      mode: "linear",
      coordinate_transformation_mode: "half_pixel",
    });
  },
  // Bilinear, borders repeated, as `gridSample` asks.
  grid_sampler: (graph, { args: [x, grid], shape }) =>
    graph.add("GridSample", [tensor(x), tensor(grid)], shape, {
      mode: "linear",
      padding_mode: "border",
      align_corners: 0,
    }),
  adaptive_avg_pool2d: (graph, { args: [x, size], shape }) => {
    const [height, width] = numbers(size);
    const [H, W] = tensor(x).shape.slice(2);
    const across = new Float32Array(W * width);
    for (const [i, share] of poolingMatrix(W, width).entries()) across[(i % W) * width + Math.floor(i / W)] = share;
    const columns = graph.add(
      "MatMul",
      [tensor(x), graph.constant(across, [W, width])],
      [...shape.slice(0, 2), H, width],
    );
    return graph.add("MatMul", [graph.constant(poolingMatrix(H, height), [height, H]), columns], shape);
  },
  "skyloop::dense": (graph, call) => {
    const [x, normWeight, normBias, eps, weight, bias, residual] = call.args;
    const input =
      normWeight === null
        ? tensor(x)
        : layerNorm(graph, tensor(x), tensor(normWeight), tensor(normBias), eps as number);
    const product = linear(graph, input, tensor(weight), bias as Value | null);
    return residual === null ? product : graph.add("Add", [tensor(residual), product], call.shape);
  },
  "skyloop::feedforward": (graph, call) => {
    const [x, normWeight, normBias, eps, weight1, bias1, weight2, bias2] = call.args;
    const input = layerNorm(graph, tensor(x), tensor(normWeight), tensor(normBias), eps as number);
    const hidden = linear(graph, input, tensor(weight1), tensor(bias1));
    const product = linear(graph, graph.add("Gelu", [hidden], hidden.shape), tensor(weight2), tensor(bias2));
    return graph.add("Add", [tensor(x), product], call.shape);
  },
  "skyloop::window_attention": windowAttention,
};
