/** Angles are learned as their turn from the angle that was measured: the features of a network hardly know a direction. */
import type { Said } from "./ensemble.ts";
import { componentsOf, type NumberTarget, turnBetween } from "./targets.ts";

/** The measured angle that a target is learned from, and whether both run the same way round. */
export interface Anchor {
  column: string;
  sense: 1 | -1;
}

/** An angle that agrees less with the measured one (1: always the same turn between them) is learned by itself. */
const LEAST_AGREEMENT = 0.5;

/** Length of the mean arrow of angles that are the same after half a turn: 1 where all are one, 0 where they are any. */
function agreement(angles: number[]): number {
  const arrows = angles.map(componentsOf);
  const mean = (at: 0 | 1) => arrows.reduce((sum, arrow) => sum + arrow[at], 0) / arrows.length;
  return arrows.length === 0 ? 0 : Math.hypot(mean(0), mean(1));
}

/** The anchor of a target by the objects of `rows`, given the measured angle of every object; null where they disagree. */
export function anchorOf(
  { circular, values }: NumberTarget,
  column: string | undefined,
  measured: Float64Array | null,
  rows: readonly number[],
): Anchor | null {
  if (!circular || column === undefined || measured === null) return null;
  const known = rows.filter((row) => Number.isFinite(values[row]) && Number.isFinite(measured[row]));
  const [same, mirrored] = [1, -1].map((sense) => agreement(known.map((row) => values[row] - sense * measured[row])));
  if (Math.max(same, mirrored) < LEAST_AGREEMENT) return null;
  return { column, sense: same >= mirrored ? 1 : -1 };
}

/** What an object's angle is learned from: 0 where nothing was measured. */
const startOf = ({ sense }: Anchor, measured: Float64Array, row: number): number =>
  Number.isFinite(measured[row]) ? sense * measured[row] : 0;

/** A target as its turn from the measured angle. */
export function anchored(target: NumberTarget, anchor: Anchor | null, measured: Float64Array | null): NumberTarget {
  if (anchor === null || measured === null) return target;
  return { ...target, values: target.values.map((value, row) => turnBetween(value, startOf(anchor, measured, row))) };
}

/** What was said of the turns of some objects, as angles from 0 to below 180 degrees. */
export function turnedBack(
  { mean, spread }: Said,
  anchor: Anchor | null,
  measured: Float64Array | null,
  rows: readonly number[],
): Said {
  if (anchor === null || measured === null) return { mean, spread };
  return {
    mean: mean.map((turn, i) => (((turn + startOf(anchor, measured, rows[i])) % 180) + 180) % 180),
    spread,
  };
}
