/** Polynomial distortions of images: SIP in pixels, TPV (SCAMP's PV terms) in the projection's plane. */
import { cardNumber, type FitsCard, fitsNumber } from "./fits.ts";

/** A map of the plane to itself. */
export type Warp = (x: number, y: number) => [x: number, y: number];

/** Solves warp(x, y) = (u, v) by Newton's method from (u, v); null where it does not converge. */
export function unwarp(warp: Warp, u: number, v: number, step: number): [number, number] | null {
  let [x, y] = [u, v];
  for (let round = 0; round < 30; round++) {
    const [fx, fy] = warp(x, y);
    const [ax, ay] = warp(x + step, y);
    const [bx, by] = warp(x, y + step);
    const [a, b, c, d] = [(ax - fx) / step, (bx - fx) / step, (ay - fy) / step, (by - fy) / step];
    const determinant = a * d - b * c;
    const [ex, ey] = [fx - u, fy - v];
    const [dx, dy] = [(d * ex - b * ey) / determinant, (a * ey - c * ex) / determinant];
    if (!Number.isFinite(dx) || !Number.isFinite(dy)) return null;
    [x, y] = [x - dx, y - dy];
    if (Math.hypot(dx, dy) < 1e-9 * step) return [x, y];
  }
  const [fx, fy] = warp(x, y);
  return Math.hypot(fx - u, fy - v) < 1e-4 * step ? [x, y] : null;
}

/** Simple Imaging Polynomial (Shupe et al. 2005) of pixel offsets; null where the header has none. */
export function sipWarp(header: FitsCard[]): Warp | null {
  const terms = (letter: string) =>
    header.flatMap(([key, value]) => {
      const match = new RegExp(`^${letter}_(\\d+)_(\\d+)$`).exec(key);
      const factor = match === null ? undefined : fitsNumber(value);
      const order = cardNumber(header, `${letter}_ORDER`) ?? 9;
      if (match === null || factor === undefined || Number(match[1]) + Number(match[2]) > order) return [];
      return [{ p: Number(match[1]), q: Number(match[2]), factor }];
    });
  const [a, b] = [terms("A"), terms("B")];
  if (a.length + b.length === 0) return null;
  const sum = (of: typeof a, x: number, y: number) =>
    of.reduce((s, { p, q, factor }) => s + factor * x ** p * y ** q, 0);
  return (x, y) => [x + sum(a, x, y), y + sum(b, x, y)];
}

/** Powers [of the own axis, of the other one, of the radius] of term m of the TPV convention. */
const TPV_POWERS: [number, number, number][] = (() => {
  const powers: [number, number, number][] = [];
  for (let degree = 0; degree <= 7; degree++) {
    for (let other = 0; other <= degree; other++) powers.push([degree - other, other, 0]);
    if (degree % 2 === 1) powers.push([0, 0, degree]);
  }
  return powers;
})();

/** The TPV polynomial in degrees, from PVi_m of the longitude and the latitude axis by m. */
export function tpvWarp(longitude: Map<number, number>, latitude: Map<number, number>): Warp {
  const of = (given: Map<number, number>) => [...new Map([[1, 1], ...given])].filter(([m]) => m < TPV_POWERS.length);
  const [a, b] = [of(longitude), of(latitude)];
  const sum = (terms: [number, number][], own: number, other: number) => {
    const r = Math.hypot(own, other);
    return terms.reduce((s, [m, factor]) => {
      const [p, q, n] = TPV_POWERS[m];
      return s + factor * own ** p * other ** q * r ** n;
    }, 0);
  };
  return (x, y) => [sum(a, x, y), sum(b, y, x)];
}
