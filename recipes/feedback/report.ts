/** Tables of ways to learn from answers: finds beside the first way's, draw by draw, and the ranking of what nobody labelled. */
import type { Hunt } from "../../src/evaluate/hunt.ts";
import { markdown, middle, shown, spread } from "../common/tables.ts";

/** The hunts of a way, by the seed of their draw. */
export interface HuntedWay {
  name: string;
  hunts: Map<number, Hunt>;
}

/** The hunts of a target by each way, the answers alone first. */
export interface FedBack {
  name: string;
  means: string;
  base: number;
  ways: HuntedWay[];
}

const lastOf = ({ rounds }: Hunt) => rounds[rounds.length - 1];
const plain = (value: number, digits: number) => (Number.isFinite(value) ? value.toFixed(digits) : "");

/** Ratios of a way's finds to those of another in the draws that both have. */
export function ratios({ hunts }: HuntedWay, beside: HuntedWay): number[] {
  return [...hunts].flatMap(([seed, hunt]) => {
    const other = beside.hunts.get(seed);
    return other === undefined ? [] : [lastOf(hunt).found / Math.max(1, lastOf(other).found)];
  });
}

/** Mean and its error. */
const meanError = (values: number[], digits: number) => {
  const { mean, sd } = spread(values);
  return values.length === 0 ? "" : shown({ mean, sd: sd / Math.sqrt(values.length) }, digits);
};

/** Rows are ways, columns targets: mean ratio of finds to those of the first way and its error. */
export function ratioTable(table: FedBack[]): string {
  const ways = table[0].ways.map(({ name }) => name);
  const rows = ways.slice(1).map((name, i) => {
    const each = table.map((target) => ratios(target.ways[i + 1], target.ways[0]));
    const means = each.map((list) => spread(list).mean);
    return [name, ...each.map((list) => meanError(list, 2)), plain(spread(means).mean, 3), String(each[0].length)];
  });
  return markdown(["way", ...table.map(({ name }) => name), "mean of targets", "draws"], rows);
}

/** Of each target and way the finds, their ratio to the first way's, and the held-out ranking beside the first way's. */
export function feedbackTable(table: FedBack[]): string {
  const rows = table.flatMap(({ name, means, base, ways }) =>
    ways.map((way, i) => {
      const hunts = [...way.hunts.values()];
      const finds = hunts.map((hunt) => lastOf(hunt).found);
      const { median, low, high } = middle(finds);
      const aupr = hunts.map((hunt) => lastOf(hunt).aupr);
      const gained = [...way.hunts].flatMap(([seed, hunt]) => {
        const other = ways[0].hunts.get(seed);
        return other === undefined ? [] : [lastOf(hunt).aupr - lastOf(other).aupr];
      });
      return [
        i === 0 ? `**${name}** (${means}), base ${base.toFixed(3)}` : "",
        way.name,
        hunts.length === 0 ? "" : `${plain(median, 0)} (${plain(low, 0)}-${plain(high, 0)}) of ${hunts[0].toFind}`,
        i === 0 ? "1" : meanError(ratios(way, ways[0]), 2),
        hunts.length === 0 ? "" : shown(spread(aupr), 3),
        i === 0 ? "" : meanError(gained, 3),
        plain(Math.min(...finds), 0),
      ];
    }),
  );
  return markdown(
    ["target", "way", "found", "beside the answers alone", "held-out AUPR", "difference of AUPR", "worst draw"],
    rows,
  );
}
