/** Angles are learned as their turn from an angle that was measured: the features of a network hardly know a direction. */
import type { Said } from "./ensemble.ts";
import { angleOf, componentsOf, type NumberTarget, turnBetween } from "./targets.ts";

/** The measured angle that a target is learned from, and whether both run the same way round. */
export interface Anchor {
  column: string;
  sense: 1 | -1;
  /** What the target is more than the measured angle, on average, in degrees; 0 unless given. */
  offset?: number;
  /** How much of the turn that the networks say counts, 0 to 1: the rest is their noise. All of it unless given. */
  share?: number;
}

/** Measured angles of every object by the name of their column, in degrees; NaN where there is none. */
export type MeasuredAngles = ReadonlyMap<string, Float64Array>;

/** An angle that agrees less with the measured one (1: always the same turn between them) is learned by itself. */
const LEAST_AGREEMENT = 0.5;

/** Mean arrow of angles that are the same after half a turn: of length 1 where all are one, 0 where they are any. */
function meanArrow(angles: number[]): { length: number; angle: number } {
  const arrows = angles.map(componentsOf);
  const mean = (at: 0 | 1) => arrows.reduce((sum, arrow) => sum + arrow[at], 0) / Math.max(1, arrows.length);
  const [sin, cos] = [mean(0), mean(1)];
  return { length: Math.hypot(sin, cos), angle: angleOf(sin, cos) };
}

/** The measured angle that agrees best with a target by the objects of `rows`; null where none does. */
export function anchorOf(
  { circular, values }: NumberTarget,
  measured: MeasuredAngles,
  rows: readonly number[],
): Anchor | null {
  if (!circular) return null;
  let best: Anchor | null = null;
  let most = LEAST_AGREEMENT;
  for (const [column, angles] of measured) {
    const known = rows.filter((row) => Number.isFinite(values[row]) && Number.isFinite(angles[row]));
    for (const sense of [1, -1] as const) {
      const { length, angle } = meanArrow(known.map((row) => values[row] - sense * angles[row]));
      if (length > most) [best, most] = [{ column, sense, offset: turnBetween(angle, 0) }, length];
    }
  }
  return best;
}

/** What an object's angle is learned from: the offset alone where nothing was measured. */
function startOf({ column, sense, offset = 0 }: Anchor, measured: MeasuredAngles, row: number): number {
  const angle = measured.get(column)?.[row] ?? Number.NaN;
  return offset + (Number.isFinite(angle) ? sense * angle : 0);
}

/** A target as its turn from the measured angle. */
export function anchored(target: NumberTarget, anchor: Anchor | null, measured: MeasuredAngles): NumberTarget {
  if (anchor === null) return target;
  return { ...target, values: target.values.map((value, row) => turnBetween(value, startOf(anchor, measured, row))) };
}

const SHARES = Array.from({ length: 21 }, (_, i) => i / 20);

/**
 * An anchor with the share of the turns that leaves least error (mean of absolute differences): `turns` are the true ones of
 * some objects, `said` what networks say that have not seen them.
 */
export function withShare(anchor: Anchor, turns: readonly number[], said: ArrayLike<number>): Anchor {
  const errorOf = (share: number) =>
    turns.reduce(
      (sum, turn, i) =>
        sum + (Number.isFinite(turn) ? Math.abs(turnBetween(turn, share * turnBetween(said[i], 0))) : 0),
      0,
    );
  const errors = SHARES.map(errorOf);
  return { ...anchor, share: SHARES[errors.indexOf(Math.min(...errors))] };
}

/** What was said of the turns of some objects, as angles from 0 to below 180 degrees. */
export function turnedBack(said: Said, anchor: Anchor | null, measured: MeasuredAngles, rows: readonly number[]): Said {
  if (anchor === null) return said;
  const { share = 1 } = anchor;
  const angle = (turn: number, i: number) => share * turnBetween(turn, 0) + startOf(anchor, measured, rows[i]);
  return { ...said, mean: said.mean.map((turn, i) => ((angle(turn, i) % 180) + 180) % 180) };
}
