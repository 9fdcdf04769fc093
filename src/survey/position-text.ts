/** A position as people write it. */

const DEGREES = /^([+-]?\d{1,3}(?:\.\d*)?)(?:\s*,\s*|\s*;\s*|\s+)([+-]?\d{1,2}(?:\.\d*)?)$/;
const MINUS = /[−–‒]/g;
/** Three or two parts: 10 00 24.5, 10:00:24.5, 10h00m24.5s, 10:00.41; the letters say of what. */
const PARTS =
  /^([+-]?)\s*(\d{1,3})\s*([hd°:\s])\s*(\d{1,2}(?:\.\d*)?)\s*(?:[m'′:\s]\s*(?:(\d{1,2}(?:\.\d*)?)\s*(?:s|"|″|'')?)?)?$/i;
/** Where the first half of a pair ends: before the sign of the second, else in the middle. */
const SIGNED = /^(.+?)[\s,;]*(?:[\s,;]|(?<=[sS"″]))([+-].+)$/;

/**
 * Degrees of one coordinate: a number with its unit (`deg` unless given), or sexagesimal. Right ascension in parts is
 * in hours unless it is written with d or °, declination in degrees. NaN where it is neither.
 */
export function angleOfText(text: string, of: "ra" | "dec", unit = "deg"): number {
  const trimmed = text.trim().replace(MINUS, "-");
  if (trimmed === "") return Number.NaN;
  const plain = Number(trimmed.replace(/(?:°|\s*deg(?:rees)?)$/i, ""));
  if (!Number.isNaN(plain)) return plain * degreesIn(unit);
  const parts = PARTS.exec(trimmed);
  if (parts === null) return Number.NaN;
  const [, sign, whole, mark, minutes, seconds = "0"] = parts;
  if (Number(minutes) >= 60 || Number(seconds) >= 60) return Number.NaN;
  // Minutes with a fraction are the last part.
  if (minutes.includes(".") && parts[5] !== undefined) return Number.NaN;
  const size = Number(whole) + Number(minutes) / 60 + Number(seconds) / 3600;
  const hours = /h/i.test(mark) || (of === "ra" && !/[d°]/i.test(mark));
  if (hours && Number(whole) > 24) return Number.NaN;
  return (sign === "-" ? -size : size) * (hours ? 15 : 1);
}

/** Degrees in one of a unit; NaN for one that is none of an angle. */
export function degreesIn(unit: string): number {
  const plain = unit
    .trim()
    .toLowerCase()
    .replace(/[\s"'.]/g, "");
  if (["", "deg", "degree", "degrees", "d", "°", "degj2000", "angle"].includes(plain)) return 1;
  if (["h", "hr", "hour", "hours", "hourangle"].includes(plain)) return 15;
  if (["rad", "radian", "radians"].includes(plain)) return 180 / Math.PI;
  if (["arcmin", "amin"].includes(plain)) return 1 / 60;
  if (["arcsec", "asec"].includes(plain)) return 1 / 3600;
  if (["mas"].includes(plain)) return 1 / 3.6e6;
  // Sexagesimal by its unit: the text itself says so too.
  if (/^(h:m:s|hms|hh:mm:ss|d:m:s|dms|dd:mm:ss|sexagesimal)/.test(plain)) return 1;
  return Number.NaN;
}

/**
 * ICRS degrees of "150.1 2.2", "150.1, +2.2", "10:00:24 +02:12:36", "10 00 24 +02 12 36" or "10h00m24s +2d12m36s"; null
 * for anything else or outside the sphere.
 */
export function positionOfText(text: string): { raDeg: number; decDeg: number } | null {
  const trimmed = text.trim().replace(MINUS, "-");
  const degrees = DEGREES.exec(trimmed);
  if (degrees !== null) return inSphere(Number(degrees[1]), Number(degrees[2]));
  const halves = halvesOf(trimmed);
  return halves === null ? null : inSphere(angleOfText(halves[0], "ra"), angleOfText(halves[1], "dec"));
}

function halvesOf(text: string): [string, string] | null {
  const signed = SIGNED.exec(text);
  if (signed !== null) return [signed[1], signed[2]];
  const comma = text.split(/\s*[,;]\s*/);
  if (comma.length === 2) return [comma[0], comma[1]];
  const words = text.split(/\s+/);
  if (words.length % 2 !== 0 || words.length < 2 || words.length > 6) return null;
  const middle = words.length / 2;
  const halves: [string, string] = [words.slice(0, middle).join(" "), words.slice(middle).join(" ")];
  // Of two plain numbers a single blank is no sexagesimal mark.
  return words.length === 2 && !halves.every((half) => /[:hd°]/i.test(half)) ? null : halves;
}

/** Degrees in [0, 360) and [-90, 90]; null where they are not on the sphere. */
export function inSphere(raDeg: number, decDeg: number): { raDeg: number; decDeg: number } | null {
  if (!(raDeg >= -180 && raDeg <= 360 && decDeg >= -90 && decDeg <= 90)) return null;
  return { raDeg: raDeg < 0 ? raDeg + 360 : raDeg % 360, decDeg };
}
