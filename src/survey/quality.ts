/** What may be wrong with a stamp, as bits of the catalogue's `quality` column (docs/conventions.md). */
export const QUALITY = {
  /** Some pixels are NaN or infinite. */
  nanPixels: 1,
  /** A band is constant: nothing was measured there. */
  emptyBand: 2,
  /** The stamp reaches over the edge of the image it was cut from. */
  offEdge: 4,
  /** More than a fiftieth of the values are exactly 0: masked or never observed. */
  zeroPixels: 8,
} as const;

/** Quality bits of flux [bands, N], and whether nothing in it can be used. */
export function judgeFlux(
  data: Float32Array,
  bands: number,
): { quality: number; nan: number; zero: number; useless: boolean } {
  const N = data.length / bands;
  let [quality, nan, empty, zero] = [0, 0, 0, 0];
  for (let band = 0; band < bands; band++) {
    let [low, high, finite] = [Infinity, -Infinity, 0];
    for (let p = band * N; p < (band + 1) * N; p++) {
      const value = data[p];
      if (!Number.isFinite(value)) continue;
      finite++;
      if (value === 0) zero++;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    nan += N - finite;
    if (!(high > low)) empty++;
  }
  if (nan > 0) quality |= QUALITY.nanPixels;
  if (empty > 0) quality |= QUALITY.emptyBand;
  if (zero > data.length / 50) quality |= QUALITY.zeroPixels;
  return { quality, nan, zero, useless: empty === bands };
}
