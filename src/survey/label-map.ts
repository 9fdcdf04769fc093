/** Whole-number images as FITS: segmentation maps and masks, with the coordinates of the image they belong to. */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { type FitsCard, headerRecords } from "./fits.ts";

const BLOCK = 2880;

/** What places an image on the sky, for two axes: linear part, projection, SIP and PV terms, frame. */
const SKY =
  /^(CTYPE[12]|CRVAL[12]|CRPIX[12]|CDELT[12]|CROTA[12]|CUNIT[12]|CD[12]_[12]|PC[12]_[12]|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+))$/;

/** The cards of a header (and of its file's first one, where it says the frame) that place an image on the sky. */
export function skyCards(header: FitsCard[], primary: FitsCard[] = []): FitsCard[] {
  const own = header.filter(([key]) => SKY.test(key));
  if (own.length === 0) return [];
  const frame = primary.filter(([key]) => /^(RADESYS|RADECSYS|EQUINOX)$/.test(key));
  return [...own, ...frame.filter(([key]) => !own.some(([name]) => name === key))];
}

/** An image of whole numbers to write: 32 bits, or 8. */
export interface LabelImage {
  width: number;
  height: number;
  bits: 8 | 32;
  cards: FitsCard[];
  /** Rows from `first` to before `last`, row by row. */
  rows(first: number, last: number): ArrayLike<number>;
}

/** Writes images one after another, the first as the primary HDU; a few rows at a time, so that none is held whole. */
export function writeLabelImages(path: string, images: LabelImage[]): void {
  const file = openSync(path, "w");
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  };
  try {
    for (const [i, image] of images.entries()) {
      write(headerOf(image, i === 0, images.length > 1));
      const bytesOf = image.bits / 8;
      const step = Math.max(1, Math.floor(2 ** 22 / (image.width * bytesOf)));
      for (let row = 0; row < image.height; row += step)
        write(packed(image.rows(row, Math.min(image.height, row + step)), bytesOf));
      const rest = (image.width * image.height * bytesOf) % BLOCK;
      if (rest > 0) write(new Uint8Array(BLOCK - rest));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function packed(values: ArrayLike<number>, bytesOf: number): Uint8Array {
  const bytes = new Uint8Array(values.length * bytesOf);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++)
    if (bytesOf === 1) bytes[i] = values[i];
    else view.setInt32(4 * i, values[i]);
  return bytes;
}

function headerOf({ width, height, bits, cards }: LabelImage, primary: boolean, extended: boolean): Uint8Array {
  const value = (key: string, text: string) => `${key.padEnd(8)}= ${text.padStart(20)}`.padEnd(80);
  const records = [
    primary ? value("SIMPLE", "T") : `XTENSION= ${"'IMAGE   '".padEnd(20)}`.padEnd(80),
    value("BITPIX", String(bits)),
    value("NAXIS", "2"),
    value("NAXIS1", String(width)),
    value("NAXIS2", String(height)),
    ...(primary ? [] : [value("PCOUNT", "0"), value("GCOUNT", "1")]),
    ...(primary && extended ? [value("EXTEND", "T")] : []),
    ...headerRecords(cards),
    "END".padEnd(80),
  ].join("");
  return Buffer.from(records.padEnd(Math.ceil(records.length / BLOCK) * BLOCK), "latin1");
}
