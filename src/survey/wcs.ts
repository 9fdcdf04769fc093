/**
 * World coordinates: gnomonic (TAN) projection, Calabretta & Greisen 2002, with CD, PC and CDELT, or CDELT and CROTA2.
 * Pixels are 0-based with the centre of the file's first pixel at (0, 0); sky positions are in degrees, RA in [0, 360).
 */
import { SkyloopError } from "../base/errors.ts";
import { cardNumber, cardValue, type FitsCard } from "./fits.ts";

/** World coordinates of an image: 0-based pixels to ICRS degrees and back. */
export interface Wcs {
  pixelToSky(x: number, y: number): { raDeg: number; decDeg: number };
  /** Null for positions more than 90 degrees from the reference point, which this projection cannot show. */
  skyToPixel(raDeg: number, decDeg: number): { x: number; y: number } | null;
  /** Square root of a pixel's area. */
  pixelScaleArcsec: number;
}

const DEG = Math.PI / 180;

/** The projection of a header, or null where it has none. Throws WCS_UNSUPPORTED for other projections. */
export function parseWcs(header: FitsCard[]): Wcs | null {
  const number = (key: string, otherwise: number) => cardNumber(header, key) ?? otherwise;
  const types = [cardValue(header, "CTYPE1"), cardValue(header, "CTYPE2")];
  if (types[0] === undefined || types[1] === undefined || cardNumber(header, "CRVAL1") === undefined) return null;
  const raAxis = types.findIndex((type) => type?.startsWith("RA"));
  const decAxis = types.findIndex((type) => type?.startsWith("DEC"));
  if (raAxis < 0 || decAxis < 0) return null;
  if (!types.every((type) => /-TAN(-SIP)?$/.test(type ?? "")))
    throw new SkyloopError(
      "WCS_UNSUPPORTED",
      `the image has the projection ${types.join(", ")}; only TAN is understood: reproject it (e.g. with reproject or SWarp)`,
    );

  const matrix = linearPart(header, number);
  const determinant = matrix[0] * matrix[3] - matrix[1] * matrix[2];
  if (!(Math.abs(determinant) > 0)) return null;
  const reference = [number("CRPIX1", 1) - 1, number("CRPIX2", 1) - 1];
  const crval = [number("CRVAL1", 0), number("CRVAL2", 0)];
  const [ra0, dec0] = [crval[raAxis] * DEG, crval[decAxis] * DEG];
  // Default for a projection about its own pole: 180 degrees unless the reference is that pole.
  const lonpole = number("LONPOLE", dec0 >= Math.PI / 2 ? 0 : 180) * DEG;
  const turn = [Math.cos(lonpole - Math.PI), Math.sin(lonpole - Math.PI)];
  const sip = types[0]?.endsWith("-SIP") ? sipTerms(header) : null;

  return {
    pixelScaleArcsec: Math.sqrt(Math.abs(determinant)) * 3600,
    pixelToSky(x, y) {
      let [dx, dy] = [x - reference[0], y - reference[1]];
      if (sip !== null) [dx, dy] = [dx + polynomial(sip.a, dx, dy), dy + polynomial(sip.b, dx, dy)];
      const world = [matrix[0] * dx + matrix[1] * dy, matrix[2] * dx + matrix[3] * dy];
      const [u, v] = [world[raAxis] * DEG, world[decAxis] * DEG];
      const [xi, eta] = [u * turn[0] + v * turn[1], v * turn[0] - u * turn[1]];
      const denominator = Math.cos(dec0) - eta * Math.sin(dec0);
      const ra = ra0 + Math.atan2(xi, denominator);
      const dec = Math.atan2(Math.sin(dec0) + eta * Math.cos(dec0), Math.hypot(xi, denominator));
      return { raDeg: (((ra / DEG) % 360) + 360) % 360, decDeg: dec / DEG };
    },
    skyToPixel(raDeg, decDeg) {
      const [da, dec] = [raDeg * DEG - ra0, decDeg * DEG];
      const towards = Math.sin(dec) * Math.sin(dec0) + Math.cos(dec) * Math.cos(dec0) * Math.cos(da);
      if (towards <= 0) return null;
      const xi = (Math.cos(dec) * Math.sin(da)) / towards;
      const eta = (Math.sin(dec) * Math.cos(dec0) - Math.cos(dec) * Math.sin(dec0) * Math.cos(da)) / towards;
      const world = [0, 0];
      world[raAxis] = (xi * turn[0] - eta * turn[1]) / DEG;
      world[decAxis] = (xi * turn[1] + eta * turn[0]) / DEG;
      const dx = (matrix[3] * world[0] - matrix[1] * world[1]) / determinant;
      const dy = (matrix[0] * world[1] - matrix[2] * world[0]) / determinant;
      if (sip === null) return { x: dx + reference[0], y: dy + reference[1] };
      // The distortion is small and given from pixels to the plane: solve for its inverse by repetition.
      let [px, py] = [dx, dy];
      for (let step = 0; step < 20; step++) [px, py] = [dx - polynomial(sip.a, px, py), dy - polynomial(sip.b, px, py)];
      return { x: px + reference[0], y: py + reference[1] };
    },
  };
}

/** Pixel offsets to degrees of the intermediate world: [11, 12, 21, 22]. */
function linearPart(
  header: FitsCard[],
  number: (key: string, otherwise: number) => number,
): [number, number, number, number] {
  if (["CD1_1", "CD1_2", "CD2_1", "CD2_2"].some((key) => cardNumber(header, key) !== undefined))
    return [number("CD1_1", 0), number("CD1_2", 0), number("CD2_1", 0), number("CD2_2", 0)];
  const [scale1, scale2] = [number("CDELT1", 1), number("CDELT2", 1)];
  if (cardNumber(header, "PC1_1") === undefined && cardNumber(header, "CROTA2") !== undefined) {
    const angle = number("CROTA2", 0) * DEG;
    return [scale1 * Math.cos(angle), -scale2 * Math.sin(angle), scale1 * Math.sin(angle), scale2 * Math.cos(angle)];
  }
  return [
    scale1 * number("PC1_1", 1),
    scale1 * number("PC1_2", 0),
    scale2 * number("PC2_1", 0),
    scale2 * number("PC2_2", 1),
  ];
}

type Terms = { p: number; q: number; value: number }[];

/** Simple Imaging Polynomial (Shupe et al. 2005). */
function sipTerms(header: FitsCard[]): { a: Terms; b: Terms } {
  const terms = (letter: string) =>
    header.flatMap(([key, value]) => {
      const match = new RegExp(`^${letter}_(\\d)_(\\d)$`).exec(key);
      return match === null ? [] : [{ p: Number(match[1]), q: Number(match[2]), value: Number(value) }];
    });
  return { a: terms("A"), b: terms("B") };
}

function polynomial(terms: Terms, x: number, y: number): number {
  return terms.reduce((sum, { p, q, value }) => sum + value * x ** p * y ** q, 0);
}
