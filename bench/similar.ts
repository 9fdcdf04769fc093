/** Objects like five examples among millions, each one compared, beside NumPy's product over the same number of rows. */
import { featureSpace } from "../src/loop/learn.ts";
import { similarRows } from "../src/loop/similar.ts";
import { peerVersion, runPeer } from "./common.ts";

/** Seconds of each question; the first one reads the lengths of all rows besides. */
export interface SimilarBench {
  objects: number;
  dim: number;
  seconds: number[];
  processorSeconds: number[];
  /** Null: Python has no NumPy. */
  numpySeconds: number[] | null;
}

/** Pseudorandom features, [objects, dim]: cheap to make, and no two rows alike. */
function features(objects: number, dim: number): Float32Array {
  const matrix = new Float32Array(objects * dim);
  let state = 1;
  for (let i = 0; i < matrix.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    matrix[i] = state / 2 ** 31;
  }
  return matrix;
}

/** Asks `questions` times for the 20 that are most like five objects, near-duplicates grouped; then NumPy. */
export function benchSimilar({
  objects,
  dim,
  questions,
}: Record<"objects" | "dim" | "questions", number>): SimilarBench {
  let space: ReturnType<typeof featureSpace> | null = featureSpace(features(objects, dim), dim);
  const result: SimilarBench = { objects, dim, seconds: [], processorSeconds: [], numpySeconds: null };
  for (let question = 0; question < questions; question++) {
    const like = Array.from({ length: 5 }, (_, i) => (question * 5 + i) % objects);
    const [began, before] = [performance.now(), process.cpuUsage()];
    similarRows(space, { like, k: 20, grouped: true });
    const { user, system } = process.cpuUsage(before);
    result.seconds.push((performance.now() - began) / 1000);
    result.processorSeconds.push((user + system) / 1e6);
  }
  // Room for the peer's.
  space = null;
  globalThis.gc?.();
  if (peerVersion("numpy") !== null)
    result.numpySeconds = JSON.parse(runPeer("similar.py", [objects, dim, questions].map(String), true)) as number[];
  return result;
}

/** The measurements as lines of text. */
export function describeSimilar({ objects, dim, seconds, processorSeconds, numpySeconds }: SimilarBench): string {
  const shown = (values: number[]) => values.map((value) => value.toFixed(2)).join(" ");
  return [
    `the 20 most like 5 of ${objects} objects with ${dim} features`,
    `  similar  ${shown(seconds)} s, the first with the lengths of all rows; processor time ${shown(processorSeconds)} s`,
    numpySeconds === null ? "  numpy    not installed" : `  numpy    ${shown(numpySeconds)} s, lengths known before`,
  ].join("\n");
}
