/** How good the first ranking is when only five positives are known: 100 unlabelled objects stand for the rest. */
import { rankingFrom } from "../../src/evaluate/hunt.ts";
import { averagePrecision } from "../../src/measure/ranking.ts";
import { markdown, middle } from "../common/tables.ts";
import { drawOf, EFIGI_TARGETS, huntSet } from "./targets.ts";

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

/** How far an average may lie from the trial's and still be called the same. */
const SAME = 0.03;

/** The table of the six targets of EFIGI, among all its objects. Throws FEATURES_MISSING. */
export async function firstPages(folder: string, model: string, draws: number): Promise<string> {
  const rows: string[][] = [];
  for (const target of EFIGI_TARGETS) {
    const earlier = EARLIER[target.name];
    const set = await huntSet(folder, target, model);
    const { space, objects } = set;
    const positive = new Uint8Array(space.count);
    for (const one of objects) positive[one.row] = one.positive ? 1 : 0;
    const base = objects.filter((one) => one.positive).length / objects.length;
    const far: string[] = [];
    const cells = WAYS.flatMap((way, w) => {
      const found = Array.from({ length: draws }, (_, i) => {
        const seed = i + 1;
        const wanted = drawOf(set, true, START, seed).map(({ row }) => row);
        const not = way === "labelled" ? drawOf(set, false, START, seed).map(({ row }) => row) : [];
        const known = new Set([...wanted, ...not]);
        const rest = objects.map(({ row }) => row).filter((row) => !known.has(row));
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
      if (way === "unlabelled")
        for (const [k, key] of (["precision", "ap"] as const).entries()) {
          const difference = mean(key) - Number(earlier[w].split(", ")[k]);
          if (Math.abs(difference) > SAME)
            far.push(
              `${key === "ap" ? "average precision" : "precision"} ${difference > 0 ? "+" : ""}${difference.toFixed(2)}`,
            );
        }
      const { low, high } = middle(found.map(({ precision }) => precision));
      return [way === "unlabelled" ? `${here} (first 20: ${low.toFixed(2)} to ${high.toFixed(2)})` : here, earlier[w]];
    });
    rows.push([
      `${target.name}: ${target.means}`,
      base.toFixed(3),
      ...cells,
      far.length === 0 ? "yes" : far.join(", "),
    ]);
  }
  const ways = ["5 against 5 labelled", "5 against 100 unlabelled", "mean cosine"];
  const trials = ways.flatMap((name) => [name, "earlier trial"]);
  const header = ["target", "base rate", ...trials, `5 against 100 within ${SAME} of the trial`];
  return `Precision of the first ${FIRST} and average precision of all the rest, means of ${draws} draws, with the learner of the sessions; beside them an earlier trial with a learner of its own.\n\n${markdown(header, rows)}`;
}
