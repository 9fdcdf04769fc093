/** Finding the catalogue's objects within any distance of a position, or the nearest, without looking at every row. */
import { type Sky, separationDeg } from "./sky-index.ts";

const RAD = Math.PI / 180;

/** An object near a position. */
export interface Near {
  row: number;
  separationDeg: number;
}

/** Positions as unit vectors in the order of declination: a cone is a slice of it, tested by chords. */
export class ConeIndex {
  readonly #dec: Float64Array;
  readonly #rows: Uint32Array;
  /** x, y, z of each position. */
  readonly #vectors: Float64Array;
  readonly #sky: Sky;

  constructor(sky: Sky) {
    const placed: { row: number; dec: number }[] = [];
    for (let row = 0; row < sky.count; row++) {
      const dec = sky.dec(row);
      if (dec !== null && sky.ra(row) !== null) placed.push({ row, dec });
    }
    placed.sort((a, b) => a.dec - b.dec || a.row - b.row);
    this.#sky = sky;
    this.#dec = Float64Array.from(placed, ({ dec }) => dec);
    this.#rows = Uint32Array.from(placed, ({ row }) => row);
    this.#vectors = new Float64Array(3 * placed.length);
    for (const [i, { row, dec }] of placed.entries()) this.#vectors.set(vectorOf(sky.ra(row) as number, dec), 3 * i);
  }

  /** The objects within `radiusDeg` (up to 180), nearest first; of two as near the first in the catalogue. */
  within(raDeg: number, decDeg: number, radiusDeg: number): Near[] {
    const [x, y, z] = vectorOf(raDeg, decDeg);
    // A little more than the chord: what is at the edge is decided by the angle itself.
    const chord = 4 * Math.sin((Math.min(180, radiusDeg) * RAD) / 2) ** 2 * (1 + 1e-9) + 1e-15;
    const found: Near[] = [];
    for (let i = firstFrom(this.#dec, decDeg - radiusDeg - 1e-9); i < this.#dec.length; i++) {
      if (this.#dec[i] > decDeg + radiusDeg + 1e-9) break;
      const [dx, dy, dz] = [this.#vectors[3 * i] - x, this.#vectors[3 * i + 1] - y, this.#vectors[3 * i + 2] - z];
      if (dx * dx + dy * dy + dz * dz > chord) continue;
      const row = this.#rows[i];
      const separation = separationDeg(raDeg, decDeg, this.#sky.ra(row) as number, this.#dec[i]);
      if (separation <= radiusDeg) found.push({ row, separationDeg: separation });
    }
    return found.sort((a, b) => a.separationDeg - b.separationDeg || a.row - b.row);
  }

  /** The nearest object within `radiusDeg`, or null. */
  nearest(raDeg: number, decDeg: number, radiusDeg: number): Near | null {
    return this.within(raDeg, decDeg, radiusDeg)[0] ?? null;
  }
}

function vectorOf(raDeg: number, decDeg: number): [number, number, number] {
  const [ra, dec] = [raDeg * RAD, decDeg * RAD];
  return [Math.cos(dec) * Math.cos(ra), Math.cos(dec) * Math.sin(ra), Math.sin(dec)];
}

/** Index of the first value that is not below `least`. */
function firstFrom(sorted: Float64Array, least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A table's row and the object that it is of. */
export interface Match {
  /** Row of the catalogue; null where there is none within the radius, or the table's row has no position. */
  row: number | null;
  separationDeg: number | null;
  /** How many rows of the table are nearest to this object: more than one is ambiguous. */
  sharedBy: number;
}

/** The nearest object within `radiusDeg` of each position of a table. */
export function matchPositions(
  index: ConeIndex,
  positions: { raDeg: number | null; decDeg: number | null }[],
  radiusDeg: number,
): Match[] {
  const near = positions.map(({ raDeg, decDeg }) =>
    raDeg === null || decDeg === null ? null : index.nearest(raDeg, decDeg, radiusDeg),
  );
  const counts = new Map<number, number>();
  for (const one of near) if (one !== null) counts.set(one.row, (counts.get(one.row) ?? 0) + 1);
  return near.map((one) => ({
    row: one?.row ?? null,
    separationDeg: one?.separationDeg ?? null,
    sharedBy: one === null ? 0 : (counts.get(one.row) ?? 0),
  }));
}
