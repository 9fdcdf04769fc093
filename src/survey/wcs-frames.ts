/**
 * Celestial frames to ICRS and back: FK5 and FK4 of any equinox, galactic, ecliptic. Right ascension and declination
 * (or longitude and latitude) in degrees. Precession: Capitaine et al. 2003 (FK5), Newcomb (FK4); E-terms and the matrix from
 * FK4 to FK5 as in the Explanatory Supplement to the Astronomical Almanac (1992) and astropy.coordinates.
 */
import { SkyloopError } from "../base/errors.ts";
import { cardNumber, cardValue, type FitsCard } from "./fits.ts";

type Vector = [number, number, number];
type Matrix = [Vector, Vector, Vector];

/** A celestial frame: degrees in it to ICRS degrees and back. */
export interface CelestialFrame {
  name: string;
  toIcrs(lonDeg: number, latDeg: number): [raDeg: number, decDeg: number];
  fromIcrs(raDeg: number, decDeg: number): [lonDeg: number, latDeg: number];
}

const DEG = Math.PI / 180;
const MAS = DEG / 3.6e6;

const times = (m: Matrix, v: Vector): Vector => m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Vector;
const transposed = (m: Matrix): Matrix => [0, 1, 2].map((i) => m.map((row) => row[i])) as Matrix;
const product = (...all: Matrix[]): Matrix => all.reduce((a, b) => a.map((row) => times(transposed(b), row)) as Matrix);

const cross = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [b * f - c * e, c * d - a * f, a * e - b * d];
function inverse([a, b, c]: Matrix): Matrix {
  const volume = 1 / dot(a, cross(b, c));
  return transposed([cross(b, c), cross(c, a), cross(a, b)].map((row) => plus([0, 0, 0], row, volume)) as Matrix);
}

/** Turns the axes (not the vector) by an angle about one of them. */
function about(axis: "x" | "y" | "z", radians: number): Matrix {
  const [c, s] = [Math.cos(radians), Math.sin(radians)];
  if (axis === "x") return [[1, 0, 0], [0, c, s], [0, -s, c]]; // biome-ignore format: a matrix
  if (axis === "y") return [[c, 0, -s], [0, 1, 0], [s, 0, c]]; // biome-ignore format: a matrix
  return [[c, s, 0], [-s, c, 0], [0, 0, 1]]; // biome-ignore format: a matrix
}

function vectorOf(lonDeg: number, latDeg: number): Vector {
  const [lon, lat] = [lonDeg * DEG, latDeg * DEG];
  return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
}

function anglesOf([x, y, z]: Vector): [number, number] {
  const lon = Math.atan2(y, x) / DEG;
  return [lon < 0 ? lon + 360 : lon, Math.atan2(z, Math.hypot(x, y)) / DEG];
}

const ICRS_TO_FK5 = product(about("x", 19.9 * MAS), about("y", 9.1 * MAS), about("z", -22.9 * MAS));

/** FK5 of J2000 to FK5 of a Julian year (Capitaine et al. 2003). */
function precession(year: number): Matrix {
  const t = (year - 2000) / 100;
  const angle = (...terms: number[]) => (terms.reduceRight((sum, term) => sum * t + term, 0) / 3600) * DEG;
  const zeta = angle(2.650545, 2306.083227, 0.2988499, 0.01801828, -0.000005971, -0.0000003173);
  const z = angle(-2.650545, 2306.077181, 1.0927348, 0.01826837, -0.000028596, -0.0000002904);
  const theta = angle(0, 2004.191903, -0.4294934, -0.04182264, -0.000007089, -0.0000001274);
  return product(about("z", -z), about("y", theta), about("z", -zeta));
}

/** FK4 between Besselian years (Newcomb). */
function besselian(from: number, to: number): Matrix {
  const t = (from - 1850) / 1000;
  const dt = (to - from) / 1000;
  const angle = (a: number, b: number, c: number) => ((a * dt + b * dt ** 2 + c * dt ** 3) / 3600) * DEG;
  const first = 23035.545 + 139.72 * t + 0.06 * t ** 2;
  const zeta = angle(first, 30.24 - 0.27 * t, 17.995);
  const z = angle(first, 109.48 + 0.39 * t, 18.325);
  const theta = angle(20051.12 - 85.29 * t - 0.37 * t ** 2, -42.65 - 0.37 * t, -41.8);
  return product(about("z", -z), about("y", theta), about("z", -zeta));
}

// biome-ignore format: a matrix
const B1950_TO_J2000: Matrix = [
  [0.9999256794956877, -0.0111814832204662, -0.0048590038153592],
  [0.0111814832391717, 0.9999374848933135, -0.0000271625947142],
  [0.0048590037723143, -0.000027170293744, 0.9999881946023742],
];

/** What the slow turn of FK4 against FK5 adds in a century after 1950. */
// biome-ignore format: a matrix
const TURN_A_CENTURY: Matrix = [
  [-0.0026455262e-6, -1.1539918689e-6, 2.111134619e-6],
  [1.1540628161e-6, -0.0129042997e-6, 0.0236021478e-6],
  [-2.1112979048e-6, -0.0056024448e-6, 0.0102587734e-6],
];

/** The elliptic terms of aberration that FK4 positions contain. */
function eTerms(besselianYear: number): Vector {
  const jd = 2433282.42345905 + 365.242198781 * (besselianYear - 1950);
  const t = (jd - 2433282.42345905) / 36525;
  const t2000 = (jd - 2451545) / 36525;
  const k = 0.0056932 * DEG;
  const e = 0.01673011 - 0.00004193 * t - 0.000000126 * t ** 2;
  const g = ((1015489.951 + 6190.67 * t + 1.65 * t ** 2 + 0.012 * t ** 3) / 3600) * DEG;
  const o = ((84381.448 - 46.815 * t2000 - 0.00059 * t2000 ** 2 + 0.001813 * t2000 ** 3) / 3600) * DEG;
  return [e * k * Math.sin(g), -e * k * Math.cos(g) * Math.cos(o), -e * k * Math.cos(g) * Math.sin(o)];
}

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const plus = (a: Vector, b: Vector, factor: number): Vector => a.map((v, i) => v + factor * b[i]) as Vector;
const normal = (v: Vector): Vector => plus([0, 0, 0], v, 1 / Math.sqrt(dot(v, v)));

/** A frame that is turned against FK5 of J2000 by a matrix. */
function rotated(name: string, fromFk5: Matrix): CelestialFrame {
  const fromIcrs = product(fromFk5, ICRS_TO_FK5);
  const toIcrs = transposed(fromIcrs);
  return {
    name,
    toIcrs: (lon, lat) => anglesOf(times(toIcrs, vectorOf(lon, lat))),
    fromIcrs: (ra, dec) => anglesOf(times(fromIcrs, vectorOf(ra, dec))),
  };
}

function fk4(year: number, withETerms: boolean): CelestialFrame {
  const a: Vector = withETerms ? eTerms(year) : [0, 0, 0];
  const centuries = ((year - 1950) * 365.242198781) / 36525 - 0.0000021;
  const turn = B1950_TO_J2000.map((row, i) => plus(row, TURN_A_CENTURY[i], centuries)) as Matrix;
  const toIcrs = product(transposed(ICRS_TO_FK5), turn, besselian(year, 1950));
  const fromIcrs = inverse(toIcrs);
  return {
    name: "FK4",
    toIcrs(lon, lat) {
      const c = vectorOf(lon, lat);
      return anglesOf(times(toIcrs, normal(plus(plus(c, a, -1), c, dot(a, c)))));
    },
    fromIcrs(ra, dec) {
      const without = normal(times(fromIcrs, vectorOf(ra, dec)));
      let c = without;
      for (let step = 0; step < 10; step++) c = normal(plus(plus(without, a, 1), c, -dot(a, c)));
      return anglesOf(c);
    },
  };
}

const ICRS: CelestialFrame = {
  name: "ICRS",
  toIcrs: (lon, lat) => [((lon % 360) + 360) % 360, lat],
  fromIcrs: (ra, dec) => [ra, dec],
};
const IDENTITY: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]; // biome-ignore format: a matrix
const GALACTIC = product(
  about("z", (180 - 122.9319185680026) * DEG),
  about("y", (90 - 27.12825118085622) * DEG),
  about("z", 192.8594812065348 * DEG),
);

/** The year of EQUINOX (`2000.0`, `J2000`, `B1950`), or of EPOCH where it is a usual one; undefined where none is given. */
function equinoxOf(header: FitsCard[]): number | undefined {
  const own =
    cardNumber(header, "EQUINOX") ?? Number(/^[JB](\d{4}(\.\d*)?)$/.exec(cardValue(header, "EQUINOX") ?? "")?.[1]);
  if (own !== undefined && own > 1800 && own < 2200) return own;
  // EPOCH often holds the time of observation instead.
  const epoch = cardNumber(header, "EPOCH");
  return epoch !== undefined && [1900, 1950, 1975, 2000].includes(epoch) ? epoch : undefined;
}

/** What RADESYS stands for where only an equinox is written (Greisen & Calabretta 2002, section 3.1). */
const systemOf = (equinox: number) => (equinox < 1984 ? "FK4" : "FK5");

/** The frame of an image's celestial axes (`RA`, `GLON`, `ELON`, …) by RADESYS and EQUINOX. Throws WCS_UNSUPPORTED. */
export function frameOf(longitudeType: string, header: FitsCard[]): CelestialFrame {
  if (longitudeType === "GLON") return rotated("GALACTIC", GALACTIC);
  if (longitudeType === "ELON") return rotated("ECLIPTIC", about("x", 23.4392911 * DEG));
  const equinox = equinoxOf(header);
  const written = (cardValue(header, "RADESYS") ?? cardValue(header, "RADECSYS") ?? "").trim().toUpperCase();
  const system = written || (equinox === undefined ? "ICRS" : systemOf(equinox));
  if (system === "ICRS" || system === "GAIA" || system.startsWith("ICRF")) return ICRS;
  if (system === "FK5") return rotated("FK5", (equinox ?? 2000) === 2000 ? IDENTITY : precession(equinox ?? 2000));
  if (system === "FK4" || system === "FK4-NO-E") return fk4(equinox ?? 1950, system === "FK4");
  throw new SkyloopError(
    "WCS_UNSUPPORTED",
    `the image's positions are in the frame ${system}; ICRS, FK5, FK4, galactic and ecliptic are understood`,
  );
}
