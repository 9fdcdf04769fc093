/** Windowed attention (native/operators/attention.cc) in ONNX's operators. */
import type { GraphBuilder, Value } from "./graph.ts";
import { dataOf } from "./graph.ts";
import type { Call } from "./operators.ts";

/** For each place of each window, in order, its place in the map [H, W] rolled by -shift. */
function placesOf(H: number, W: number, window: number, shift: number): number[] {
  const places: number[] = [];
  for (let top = 0; top < H; top += window)
    for (let left = 0; left < W; left += window)
      for (let i = 0; i < window * window; i++)
        places.push(((top + Math.floor(i / window) + shift) % H) * W + ((left + (i % window) + shift) % W));
  return places;
}

/** [heads, N, N] from the table [offsets, heads]; with a mask [windows, N, N] added, [windows, heads, N, N]. */
function biasOf(
  table: Float32Array,
  positions: BigInt64Array,
  mask: Float32Array | null,
  heads: number,
  N: number,
): Float32Array {
  const windows = mask === null ? 1 : mask.length / N / N;
  const bias = new Float32Array(windows * heads * N * N);
  for (let n = 0; n < windows; n++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < N * N; i++)
        bias[(n * heads + h) * N * N + i] =
          table[Number(positions[i]) * heads + h] + (mask === null ? 0 : mask[n * N * N + i]);
  return bias;
}

/** qkv [B, H, W, 3 C] -> [B, H, W, C]: places are gathered into windows, attended to, and gathered back. */
export function windowAttention(graph: GraphBuilder, call: Call): Value {
  const [qkv, table, positions, mask] = call.args as [Value, Value, Value, Value | null];
  const [window, shift, scale] = call.args.slice(4) as [number, number, number];
  const [B, H, W] = qkv.shape;
  const [C, N, heads] = [qkv.shape[3] / 3, window * window, table.shape[1]];
  const [d, windows] = [C / heads, (H * W) / N];
  const places = placesOf(H, W, window, shift);
  const back = new Array<number>(places.length);
  for (const [i, place] of places.entries()) back[place] = i;

  const rows = graph.reshape(qkv, [0, H * W, 3 * C], [B, H * W, 3 * C]);
  const gathered =
    windows === 1 && shift === 0 ? rows : graph.add("Gather", [rows, graph.integers(places)], rows.shape, { axis: 1 });
  const split = graph.reshape(gathered, [-1, N, 3, heads, d], [B * windows, N, 3, heads, d]);
  const part = (which: number, order: number[]) => {
    const one = graph.add("Gather", [split, graph.integers([which], [])], [B * windows, N, heads, d], { axis: 2 });
    return graph.transpose(one, order);
  };
  const queries = graph.add("Mul", [part(0, [0, 2, 1, 3]), graph.scalar(scale)], [B * windows, heads, N, d]);
  const products = graph.add("MatMul", [queries, part(1, [0, 2, 3, 1])], [B * windows, heads, N, N]);
  const bias = biasOf(dataOf(table), positions.data as BigInt64Array, mask === null ? null : dataOf(mask), heads, N);
  let logits: Value;
  if (mask === null) logits = graph.add("Add", [products, graph.constant(bias, [heads, N, N])], products.shape);
  else {
    const grouped = graph.reshape(products, [-1, windows, heads, N, N], [B, windows, heads, N, N]);
    const masked = graph.add("Add", [grouped, graph.constant(bias, [windows, heads, N, N])], grouped.shape);
    logits = graph.reshape(masked, [-1, heads, N, N], products.shape);
  }
  const weights = graph.add("Softmax", [logits], logits.shape, { axis: -1 });
  const mixed = graph.transpose(
    graph.add("MatMul", [weights, part(2, [0, 2, 1, 3])], [B * windows, heads, N, d]),
    [0, 2, 1, 3],
  );
  const joined = graph.reshape(mixed, [-1, H * W, C], [B, H * W, C]);
  const returned =
    windows === 1 && shift === 0
      ? joined
      : graph.add("Gather", [joined, graph.integers(back)], joined.shape, { axis: 1 });
  return graph.reshape(returned, [0, H, W, C], [B, H, W, C]);
}
