/** A position as people write it. */

const SEXAGESIMAL =
  /^(\d{1,2})[h:\s]\s*(\d{1,2})[m:\s]\s*(\d{1,2}(?:\.\d+)?)s?[\s,]+([+-]?)(\d{1,2})[d°:\s]\s*(\d{1,2})[m'′:\s]\s*(\d{1,2}(?:\.\d+)?)(?:s|"|″)?$/i;
const DEGREES = /^([+-]?\d{1,3}(?:\.\d+)?)(?:\s*,\s*|\s*;\s*|\s+)([+-]?\d{1,2}(?:\.\d+)?)$/;

/**
 * ICRS degrees of "150.1 2.2", "150.1, +2.2", "10:00:24 +02:12:36" or "10h00m24s +2d12m36s"; null for anything else or
 * outside the sphere.
 */
export function positionOfText(text: string): { raDeg: number; decDeg: number } | null {
  const trimmed = text.trim();
  const degrees = DEGREES.exec(trimmed);
  if (degrees !== null) return inSphere(Number(degrees[1]), Number(degrees[2]));
  const parts = SEXAGESIMAL.exec(trimmed);
  if (parts === null) return null;
  const [h, m, s, sign, d, dm, ds] = parts.slice(1);
  if (Number(h) > 23 || Number(m) > 59 || Number(s) >= 60 || Number(dm) > 59 || Number(ds) >= 60) return null;
  const dec = Number(d) + Number(dm) / 60 + Number(ds) / 3600;
  return inSphere(15 * (Number(h) + Number(m) / 60 + Number(s) / 3600), sign === "-" ? -dec : dec);
}

function inSphere(raDeg: number, decDeg: number): { raDeg: number; decDeg: number } | null {
  if (!(raDeg >= -180 && raDeg <= 360 && decDeg >= -90 && decDeg <= 90)) return null;
  return { raDeg: raDeg < 0 ? raDeg + 360 : raDeg % 360, decDeg };
}
