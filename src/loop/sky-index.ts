/** Finding the catalogue row nearest a position without looking at every row. */

const RAD = Math.PI / 180;

/** Positions by row, in degrees; null where a row has none. */
export interface Sky {
  count: number;
  ra(row: number): number | null;
  dec(row: number): number | null;
}

/** Angular distance of two positions in degrees (haversine: exact for small ones too). */
export function separationDeg(ra1: number, dec1: number, ra2: number, dec2: number): number {
  const half =
    Math.sin(((dec2 - dec1) * RAD) / 2) ** 2 +
    Math.cos(dec1 * RAD) * Math.cos(dec2 * RAD) * Math.sin(((ra2 - ra1) * RAD) / 2) ** 2;
  return (2 * Math.asin(Math.min(1, Math.sqrt(half)))) / RAD;
}

/** Rows in bands of declination, by right ascension in each. */
export class SkyIndex {
  readonly #radiusDeg: number;
  readonly #heightDeg: number;
  readonly #bands = new Map<number, { ra: number; dec: number; row: number }[]>();

  /** For searches within `radiusDeg`. */
  constructor(sky: Sky, radiusDeg: number) {
    this.#radiusDeg = radiusDeg;
    this.#heightDeg = Math.max(radiusDeg, 0.01);
    for (let row = 0; row < sky.count; row++) {
      const [ra, dec] = [sky.ra(row), sky.dec(row)];
      if (ra === null || dec === null) continue;
      const band = Math.floor(dec / this.#heightDeg);
      const rows = this.#bands.get(band);
      if (rows === undefined) this.#bands.set(band, [{ ra, dec, row }]);
      else rows.push({ ra, dec, row });
    }
    for (const rows of this.#bands.values()) rows.sort((a, b) => a.ra - b.ra || a.row - b.row);
  }

  /** The row nearest a position within the radius, or null. */
  nearest(raDeg: number, decDeg: number): number | null {
    let [best, least] = [-1, this.#radiusDeg];
    const highest = Math.min(90, Math.abs(decDeg) + this.#radiusDeg);
    // Near a pole every right ascension may be near.
    const sine = Math.sin(this.#radiusDeg * RAD) / Math.cos(Math.abs(decDeg) * RAD);
    const width = highest >= 90 || sine >= 1 ? 180 : Math.asin(sine) / RAD + 1e-9;
    const band = Math.floor(decDeg / this.#heightDeg);
    for (let near = band - 1; near <= band + 1; near++) {
      const rows = this.#bands.get(near) ?? [];
      for (const shift of [-360, 0, 360]) {
        let at = firstFrom(rows, raDeg - width + shift);
        for (; at < rows.length && rows[at].ra <= raDeg + width + shift; at++) {
          const separation = separationDeg(raDeg, decDeg, rows[at].ra, rows[at].dec);
          if (separation < least || (separation === least && (best < 0 || rows[at].row < best)))
            [best, least] = [rows[at].row, separation];
        }
      }
    }
    return best < 0 ? null : best;
  }
}

function firstFrom(rows: { ra: number }[], ra: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].ra < ra) low = middle + 1;
    else high = middle;
  }
  return low;
}
