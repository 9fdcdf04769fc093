/**
 * World coordinates (Greisen & Calabretta 2002; Calabretta & Greisen 2002): zenithal projections with CD, PC and CDELT,
 * or CDELT and CROTA2, SIP and TPV distortions, in any celestial frame. Pixels are 0-based with the centre of the
 * file's first pixel at (0, 0); sky positions are ICRS degrees, RA in [0, 360).
 */
import { cardNumber, cardValue, type FitsCard, fitsNumber } from "./fits.ts";
import { sipWarp, tpvWarp, unwarp, type Warp } from "./wcs-distortion.ts";
import { frameOf } from "./wcs-frames.ts";
import { type Native, projectionOf } from "./wcs-projection.ts";

/** World coordinates of an image: 0-based pixels to ICRS degrees and back. */
export interface Wcs {
  /** Null where the projection shows no sky. */
  pixelToSky(x: number, y: number): { raDeg: number; decDeg: number } | null;
  /** Null for positions that this projection cannot show. */
  skyToPixel(raDeg: number, decDeg: number): { x: number; y: number } | null;
  /** Square root of a pixel's area. */
  pixelScaleArcsec: number;
}

const DEG = Math.PI / 180;

/** Degrees in a unit of an axis. */
function degreesIn(unit: string | undefined): number {
  const name = (unit ?? "").trim().toLowerCase();
  if (/^arcsec|^asec$|^"$/.test(name)) return 1 / 3600;
  if (/^arcmin|^amin$|^'$/.test(name)) return 1 / 60;
  if (/^mas$|^milliarcsec/.test(name)) return 1 / 3.6e6;
  if (/^rad/.test(name)) return 1 / DEG;
  return /^(h|hr|hour|hours|hourangle)$/.test(name) ? 15 : 1;
}

/**
 * The coordinates of a header, or null where it has none (of the sky). `primary`: the file's first header, whose
 * RADESYS and EQUINOX hold where this one names none. Throws WCS_UNSUPPORTED.
 */
export function parseWcs(header: FitsCard[], primary: FitsCard[] = []): Wcs | null {
  const number = (key: string, otherwise: number) => cardNumber(header, key) ?? otherwise;
  const types = [1, 2].map((axis) => cardValue(header, `CTYPE${axis}`)?.trim().toUpperCase() ?? "");
  const lonAxis = types.findIndex((type) => /^(RA|GLON|ELON)\b/.test(type.replaceAll("_", "-")));
  const latAxis = types.findIndex((type) => /^(DEC|GLAT|ELAT)\b/.test(type.replaceAll("_", "-")));
  if (lonAxis < 0 || latAxis < 0 || cardNumber(header, "CRVAL1") === undefined) return null;
  const code = /-([A-Z]{3})(-SIP)?$/.exec(types[lonAxis])?.[1] ?? types[lonAxis].slice(-3);

  const units = [1, 2].map((axis) => degreesIn(cardValue(header, `CUNIT${axis}`)));
  const matrix = linearPart(header, number, latAxis, units);
  const determinant = matrix[0] * matrix[3] - matrix[1] * matrix[2];
  if (!(Math.abs(determinant) > 0) || !Number.isFinite(determinant)) return null;
  const reference = [number("CRPIX1", 1) - 1, number("CRPIX2", 1) - 1];
  const crval = [number("CRVAL1", 0) * units[0], number("CRVAL2", 0) * units[1]];
  const [lon0, lat0] = [crval[lonAxis] * DEG, crval[latAxis] * DEG];
  const terms = [1, 2].map((axis) => pvTerms(header, axis));
  const projection = projectionOf(code, terms[latAxis], lat0);
  const frame = frameOf(types[lonAxis].split("-")[0], [...header, ...primary]);
  // Default for a projection about its own pole: 180 degrees unless the reference is that pole.
  const lonpole = number("LONPOLE", lat0 >= Math.PI / 2 ? 0 : 180) * DEG;
  const sip = sipWarp(header);
  const tpv =
    sip === null && isTpv(code, terms[lonAxis], terms[latAxis]) ? tpvWarp(terms[lonAxis], terms[latAxis]) : null;
  const step = Math.sqrt(Math.abs(determinant));

  return {
    pixelScaleArcsec: step * 3600,
    pixelToSky(x, y) {
      const [dx, dy] = (sip ?? straight)(x - reference[0], y - reference[1]);
      const world = [matrix[0] * dx + matrix[1] * dy, matrix[2] * dx + matrix[3] * dy];
      const [u, v] = (tpv ?? straight)(world[lonAxis], world[latAxis]);
      const native = projection.toNative(u * DEG, v * DEG);
      if (native === null) return null;
      const [raDeg, decDeg] = frame.toIcrs(...toCelestial(native, lon0, lat0, lonpole));
      return { raDeg, decDeg };
    },
    skyToPixel(raDeg, decDeg) {
      const plane = projection.fromNative(toNative(frame.fromIcrs(raDeg, decDeg), lon0, lat0, lonpole));
      const flat = plane === null ? null : [plane.x / DEG, plane.y / DEG];
      const even = flat === null || tpv === null ? flat : unwarp(tpv, flat[0], flat[1], step);
      if (even === null) return null;
      const world = [0, 0];
      world[lonAxis] = even[0];
      world[latAxis] = even[1];
      const dx = (matrix[3] * world[0] - matrix[1] * world[1]) / determinant;
      const dy = (matrix[0] * world[1] - matrix[2] * world[0]) / determinant;
      const found = sip === null ? [dx, dy] : unwarp(sip, dx, dy, 1);
      return found === null ? null : { x: found[0] + reference[0], y: found[1] + reference[1] };
    },
  };
}

const straight: Warp = (x, y) => [x, y];

function toCelestial({ sin, cos, phi }: Native, lon0: number, lat0: number, lonpole: number): [number, number] {
  const [s, c] = [cos * Math.sin(phi - lonpole), cos * Math.cos(phi - lonpole)];
  const x = sin * Math.cos(lat0) - c * Math.sin(lat0);
  const lon = lon0 + Math.atan2(-s, x);
  const lat = Math.atan2(sin * Math.sin(lat0) + c * Math.cos(lat0), Math.hypot(s, x));
  return [(((lon / DEG) % 360) + 360) % 360, lat / DEG];
}

function toNative([lonDeg, latDeg]: [number, number], lon0: number, lat0: number, lonpole: number): Native {
  const [d, lat] = [lonDeg * DEG - lon0, latDeg * DEG];
  const s = -Math.cos(lat) * Math.sin(d);
  const c = Math.sin(lat) * Math.cos(lat0) - Math.cos(lat) * Math.sin(lat0) * Math.cos(d);
  const sin = Math.sin(lat) * Math.sin(lat0) + Math.cos(lat) * Math.cos(lat0) * Math.cos(d);
  return { sin, cos: Math.hypot(s, c), phi: lonpole + Math.atan2(s, c) };
}

/** Pixel offsets to degrees of the intermediate world: [11, 12, 21, 22]. */
function linearPart(
  header: FitsCard[],
  number: (key: string, otherwise: number) => number,
  latAxis: number,
  units: number[],
): [number, number, number, number] {
  if (["CD1_1", "CD1_2", "CD2_1", "CD2_2"].some((key) => cardNumber(header, key) !== undefined))
    return [
      units[0] * number("CD1_1", 0),
      units[0] * number("CD1_2", 0),
      units[1] * number("CD2_1", 0),
      units[1] * number("CD2_2", 0),
    ];
  const [scale1, scale2] = [units[0] * number("CDELT1", 1), units[1] * number("CDELT2", 1)];
  const turned = cardNumber(header, `CROTA${latAxis + 1}`);
  // PC001001 is how it was written before the standard, and still is by Pan-STARRS.
  const pc = (i: number, j: number) => cardNumber(header, `PC${i}_${j}`) ?? cardNumber(header, `PC00${i}00${j}`);
  const hasPc = [pc(1, 1), pc(1, 2), pc(2, 1), pc(2, 2)].some((value) => value !== undefined);
  if (!hasPc && turned !== undefined) {
    const angle = (latAxis === 1 ? turned : -turned) * DEG;
    return [scale1 * Math.cos(angle), -scale2 * Math.sin(angle), scale1 * Math.sin(angle), scale2 * Math.cos(angle)];
  }
  return [scale1 * (pc(1, 1) ?? 1), scale1 * (pc(1, 2) ?? 0), scale2 * (pc(2, 1) ?? 0), scale2 * (pc(2, 2) ?? 1)];
}

/** PVi_m of an axis by m. */
function pvTerms(header: FitsCard[], axis: number): Map<number, number> {
  return new Map(
    header.flatMap(([key, value]) => {
      const match = new RegExp(`^PV${axis}_(\\d+)$`).exec(key);
      const factor = match === null ? undefined : fitsNumber(value);
      return match === null || factor === undefined ? [] : [[Number(match[1]), factor] as [number, number]];
    }),
  );
}

/** SCAMP wrote its distortion into headers that say TAN: TAN itself has no terms on these. */
const isTpv = (code: string, longitude: Map<number, number>, latitude: Map<number, number>) =>
  code === "TPV" || (code === "TAN" && (latitude.size > 0 || [...longitude.keys()].some((m) => m > 4)));
