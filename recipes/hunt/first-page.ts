/** How good the first ranking is when only five positives are known: 100 unlabelled objects stand for the rest. */
import { rankingFrom } from "../../src/evaluate/hunt.ts";
import { averagePrecision } from "../../src/measure/ranking.ts";
import { markdown, middle } from "../common/tables.ts";
import { drawOf, HUNT_TARGETS, type HuntSet } from "./targets.ts";

const [START, FIRST] = [5, 20];

/**
 * Another trial of the same with a learner of its own: precision of the first 20, average precision of the rest, 20
 * draws; what came of five labelled negatives, of 100 unlabelled objects, and of the mean cosine.
 */
const EARLIER: Record<string, [string, string, string]> = {
  "face-on spiral": ["0.92, 0.73", "0.90, 0.73", "0.91, 0.75"],
  "edge-on": ["0.98, 0.79", "0.98, 0.79", "0.90, 0.75"],
  bar: ["0.48, 0.34", "0.47, 0.36", "0.51, 0.36"],
  perturbed: ["0.33, 0.18", "0.41, 0.21", "0.34, 0.20"],
  "inner ring": ["0.14, 0.09", "0.16, 0.11", "0.21, 0.12"],
  multiple: ["0.13, 0.07", "0.18, 0.08", "0.19, 0.09"],
};
const WAYS = ["labelled", "unlabelled", "cosine"] as const;

/** The table of the six targets of EFIGI, among all its objects: what is not known is none. */
export function firstPages(sets: HuntSet[], draws: number): string {
  const rows = HUNT_TARGETS.flatMap(({ name }, target) => {
    const earlier = EARLIER[name];
    if (earlier === undefined) return [];
    const { space, objects } = sets[target];
    const positive = new Uint8Array(space.count);
    for (const one of objects) positive[one.row] = one.positive ? 1 : 0;
    const base = positive.reduce((sum, value) => sum + value, 0) / space.count;
    const cells = WAYS.flatMap((way, w) => {
      const found = Array.from({ length: draws }, (_, i) => {
        const seed = i + 1;
        const wanted = drawOf(sets[target], true, START, seed).map(({ row }) => row);
        const not = way === "labelled" ? drawOf(sets[target], false, START, seed).map(({ row }) => row) : [];
        const known = new Set([...wanted, ...not]);
        const rest = Array.from({ length: space.count }, (_, row) => row).filter((row) => !known.has(row));
        const scores = rankingFrom(space, {
          positive: wanted,
          negative: not,
          rest,
          way: way === "cosine" ? way : "learn",
          seed,
        });
        const labels = rest.map((row) => positive[row]);
        const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
        const hits = order.slice(0, FIRST).reduce((sum, at) => sum + labels[at], 0);
        return { precision: hits / FIRST, ap: averagePrecision(scores, labels) };
      });
      const mean = (key: "precision" | "ap") => found.reduce((sum, one) => sum + one[key], 0) / draws;
      const here = `**${mean("precision").toFixed(2)}, ${mean("ap").toFixed(2)}**`;
      const { low, high } = middle(found.map(({ precision }) => precision));
      return [way === "unlabelled" ? `${here} (first 20: ${low.toFixed(2)} to ${high.toFixed(2)})` : here, earlier[w]];
    });
    return [[name, base.toFixed(3), ...cells]];
  });
  const header = ["target", "base rate"].concat(
    ["5 against 5 labelled", "5 against 100 unlabelled", "mean cosine"].flatMap((name) => [name, "earlier trial"]),
  );
  return `Precision of the first ${FIRST} and average precision of all the rest, means of ${draws} draws, with the learner of the sessions; beside them an earlier trial with a learner of its own.\n\n${markdown(header, rows)}`;
}
