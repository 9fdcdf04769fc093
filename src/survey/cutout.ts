/** A stamp as a FITS file: float32 planes with their unit, bands and, where it is known, the sky. */
import type { Stamp } from "./folder.ts";

const BLOCK = 2880;

function card(key: string, value: string | number): string {
  const text =
    typeof value === "number" ? String(value).toUpperCase().padStart(20) : `'${value.replaceAll("'", "''").padEnd(8)}'`;
  return `${key.padEnd(8)}= ${text}`.slice(0, 80).padEnd(80);
}

/** Only what a FITS header can hold. */
const ascii = (text: string) => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 60);

/**
 * A stamp ([bands, H, W], first row at the bottom of the sky) as the bytes of a FITS file, without a file of its own. With `sky` (ICRS
 * degrees of the centre, arcseconds a pixel) it has a tangential WCS, north up and east left.
 */
export function cutoutAsFits(
  { id, data, bands, widthPx, heightPx, unit }: Stamp,
  sky: { raDeg: number; decDeg: number; pixelScaleArcsec: number } | null,
): Buffer {
  const axes = bands.length > 1 ? [widthPx, heightPx, bands.length] : [widthPx, heightPx];
  const cards = [
    `${"SIMPLE".padEnd(8)}= ${"T".padStart(20)}`.padEnd(80),
    card("BITPIX", -32),
    card("NAXIS", axes.length),
    ...axes.map((length, i) => card(`NAXIS${i + 1}`, length)),
    card("OBJECT", ascii(id)),
    card("BANDS", ascii(bands.join(","))),
    ...(unit === "unknown" || unit === "" ? [] : [card("BUNIT", ascii(unit))]),
  ];
  if (sky !== null) {
    const step = sky.pixelScaleArcsec / 3600;
    cards.push(
      card("CTYPE1", "RA---TAN"),
      card("CTYPE2", "DEC--TAN"),
      card("CRPIX1", (widthPx + 1) / 2),
      card("CRPIX2", (heightPx + 1) / 2),
      card("CRVAL1", sky.raDeg),
      card("CRVAL2", sky.decDeg),
      card("CD1_1", -step),
      card("CD1_2", 0),
      card("CD2_1", 0),
      card("CD2_2", step),
      card("RADESYS", "ICRS"),
    );
  }
  cards.push("END".padEnd(80));
  const header = cards.join("");
  const headerBytes = Math.ceil(header.length / BLOCK) * BLOCK;
  const file = Buffer.alloc(headerBytes + Math.ceil((data.length * 4) / BLOCK) * BLOCK);
  file.write(header.padEnd(headerBytes), "latin1");
  for (let i = 0; i < data.length; i++) file.writeFloatBE(data[i], headerBytes + 4 * i);
  return file;
}
