/** The structure of a FITS file in memory: headers and how long it must be, without a library and without its pixels. */
import { cardNumber, cardValue, type FitsCard, type FitsHdu } from "../fits.ts";

const BLOCK = 2880;

/** Headers of a file, and the bytes that they promise. */
export interface FitsOutline {
  hdus: FitsHdu[];
  /** Bytes of all headers and data, padded to blocks; the last data unit may lack its padding. */
  needed: number;
  /** The file ends before `needed`. */
  truncated: boolean;
}

/** Reads the headers of a file that begins with SIMPLE; null where it does not. */
export function fitsOutline(bytes: Uint8Array): FitsOutline | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.toString("latin1", 0, 9) !== "SIMPLE  =") return null;
  const hdus: FitsHdu[] = [];
  let at = 0;
  while (at < buffer.length) {
    // What follows the last HDU need not be one.
    if (hdus.length > 0 && buffer.toString("latin1", at, at + 8) !== "XTENSION") break;
    const header = headerAt(buffer, at);
    if (header === null) return { hdus, needed: at + BLOCK, truncated: true };
    hdus.push(header.hdu);
    const end = header.end + header.dataBytes;
    if (end > buffer.length) return { hdus, needed: padded(end), truncated: true };
    at = padded(end);
  }
  return { hdus, needed: at, truncated: false };
}

const padded = (bytes: number) => Math.ceil(bytes / BLOCK) * BLOCK;

function headerAt(buffer: Buffer, from: number): { hdu: FitsHdu; end: number; dataBytes: number } | null {
  const cards: FitsCard[] = [];
  for (let at = from; at + 80 <= buffer.length; at += 80) {
    const record = buffer.toString("latin1", at, at + 80);
    const key = record.slice(0, 8).trimEnd();
    if (key === "END") {
      const end = from + padded(at + 80 - from);
      return end > buffer.length ? null : { ...sized(cards), end };
    }
    const card = cardOf(record);
    if (card !== null) cards.push(card);
  }
  return null;
}

function cardOf(record: string): FitsCard | null {
  const match = /^(?:HIERARCH (?<long>[^=]+?)\s*=|(?<key>[A-Z0-9_-]{1,8}) *= )\s*(?<value>'(?:[^']|'')*'|[^/]*)/.exec(
    record,
  );
  return match?.groups === undefined ? null : [match.groups.long ?? match.groups.key, match.groups.value.trim(), ""];
}

function sized(cards: FitsCard[]): { hdu: FitsHdu; dataBytes: number } {
  const number = (key: string, otherwise: number) => cardNumber(cards, key) ?? otherwise;
  const axes = Array.from({ length: number("NAXIS", 0) }, (_, i) => number(`NAXIS${i + 1}`, 0));
  const kind = cardValue(cards, "XTENSION")?.trim();
  const cells = axes.reduce((product, n) => product * n, axes.length === 0 ? 0 : 1);
  const dataBytes = (Math.abs(number("BITPIX", 8)) / 8) * number("GCOUNT", 1) * (number("PCOUNT", 0) + cells);
  // A compressed image is a table that says so.
  const packed = cardValue(cards, "ZIMAGE") === "T";
  const shape = packed ? Array.from({ length: number("ZNAXIS", 0) }, (_, i) => number(`ZNAXIS${i + 1}`, 0)) : axes;
  return {
    hdu: { type: packed || kind === undefined || kind === "IMAGE" ? "image" : "table", shape, cards },
    dataBytes,
  };
}
