/** Counting what a forward pass multiplies, by watching the operators that go through the one door. */
import { type Observed, observeCalls } from "../torch/observe.ts";

const product = (shape: number[]) => shape.reduce((total, n) => total * n, 1);

/**
 * Floating-point operations (a multiplication and an addition each count) of the operators that multiply matrices;
 * others are left out.
 */
function flopsOf({ op, shapes, result }: Observed): number {
  const [a, b] = shapes;
  switch (op) {
    case "linear":
      return 2 * product(a) * b[0];
    case "conv2d":
      return 2 * product(result) * product(b.slice(1));
    case "matmul":
    case "mm":
    case "bmm":
      return 2 * product(result) * (a.at(-1) ?? 0);
    case "skyloop::dense":
      return 2 * product(a) * (result.at(-1) ?? 0);
    case "skyloop::feedforward":
      return 4 * product(a) * shapes[3][0];
    case "skyloop::window_attention":
      // Queries by keys and weights by values: 2 N N d each, for every window and head; the positions' table has N N
      // rows.
      return 4 * product(result) * Math.sqrt(product(shapes[2]));
    default:
      return 0;
  }
}

/** FLOPs of everything `body` calls. */
export function countFlops(body: () => void): number {
  let total = 0;
  observeCalls((call) => {
    total += flopsOf(call);
  }, body);
  return total;
}
