/** Damage to files: of FITS headers by keyword, of text tables by cell, of safetensors by entry, of anything by byte. */
import type { Random } from "../../src/base/random.ts";

const VALUES =
  "0|-1|1|2|3|7|16|999|1000000000|2147483647|-2147483648|4294967296|9223372036854775807|1E308|NaN|'text'|''|T|F|-32|-64|8|32|'1E8A'|'1PE(2147483647)'|'999999999E'|'RICE_1'|'HCOMPRESS_1'|'PLIO_1'|'GZIP_1'|'BINTABLE'|'IMAGE'".split(
    "|",
  );
const KEYS =
  "NAXIS NAXIS1 NAXIS2 NAXIS3 BITPIX PCOUNT GCOUNT TFIELDS TFORM1 TFORM2 TTYPE1 THEAP ZNAXIS ZNAXIS1 ZNAXIS2 ZTILE1 ZTILE2 ZCMPTYPE ZBITPIX ZVAL1 ZVAL2 ZSCALE ZZERO ZBLANK ZIMAGE BSCALE BZERO BLANK XTENSION SIMPLE EXTEND BANDS CTYPE1 CRVAL1 CD1_1 CRPIX1 EXTNAME".split(
    " ",
  );
const CELLS = [
  "",
  "NaN",
  "1e400",
  "=cmd()",
  '"',
  "\u0000",
  "x".repeat(5000),
  "361",
  "__proto__",
  "../../etc/passwd",
  "\r",
  "9007199254740993",
];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)];

/** A damaged copy of a file's bytes, by what its name says it is. */
export function damage(bytes: Buffer, name: string, random: Random): Buffer {
  let out: Buffer = Buffer.from(bytes);
  for (let times = 1 + random.int(3); times > 0 && out.length > 10; times--) {
    const special = random.int(10) < 6;
    if (special && /\.(fits|fz)$/.test(name)) out = damageCards(out, random);
    else if (special && /\.(csv|tsv)$/.test(name)) out = damageCells(out, random);
    else if (special && /\.safetensors$/.test(name)) out = damageEntries(out, random);
    else if (special && /\.json$/.test(name)) out = damageJson(out, random);
    else out = damageBytes(out, random);
  }
  return out;
}

function damageBytes(bytes: Buffer, random: Random): Buffer {
  const how = random.int(5);
  if (how === 0) return Buffer.from(bytes.subarray(0, random.int(bytes.length)));
  if (how === 1) {
    const from = random.int(bytes.length);
    const part = bytes.subarray(from, from + 1 + random.int(3000));
    return Buffer.concat([
      bytes.subarray(0, from),
      ...(random.int(2) ? [part, part] : []),
      bytes.subarray(from + part.length),
    ]);
  }
  const [from, to] = how === 2 ? [0, Math.min(bytes.length, 300)] : [0, bytes.length];
  for (let n = 1 + random.int(20); n > 0; n--) {
    const at = from + random.int(to - from);
    const word = how === 4 && at + 8 <= bytes.length;
    if (word)
      bytes.writeBigUInt64LE(pick(random, [0n, 1n, 0x7fffffffn, 0xffffffffn, 2n ** 63n - 1n, 2n ** 64n - 1n]), at);
    else bytes[at] = pick(random, [0, 255, 127, 128, random.int(256)]);
  }
  return bytes;
}

function damageCards(bytes: Buffer, random: Random): Buffer {
  const cards: number[] = [];
  for (let at = 0; at + 80 <= bytes.length; at += 80)
    if (/^[A-Z0-9_-]+ *= /.test(bytes.toString("latin1", at, at + 10))) cards.push(at);
  if (cards.length === 0) return damageBytes(bytes, random);
  const at = pick(random, cards);
  const known = KEYS.includes(bytes.toString("latin1", at, at + 8).trim());
  const key = known || random.int(3) > 0 ? bytes.toString("latin1", at, at + 8).trim() : pick(random, KEYS);
  const value = pick(random, VALUES);
  bytes.write(
    `${key.padEnd(8)}= ${value.startsWith("'") ? value.padEnd(20) : value.padStart(20)}`.padEnd(80),
    at,
    "latin1",
  );
  return bytes;
}

function damageCells(bytes: Buffer, random: Random): Buffer {
  const rows = bytes.toString("utf8").split("\n");
  const at = random.int(rows.length);
  const cells = rows[at].split(",");
  if (random.int(4) === 0) rows.splice(at, 0, pick(random, rows));
  else cells[random.int(cells.length)] = pick(random, CELLS);
  rows[at] = cells.join(",");
  return Buffer.from(rows.join("\n"));
}

const ODD = [
  null,
  -1,
  0,
  1.5,
  1e18,
  "x",
  [],
  {},
  [1e9, 1e9],
  [-1],
  ["0", "8"],
  [0, 1e18],
  "F64",
  "__proto__",
  "toString",
  true,
];

/** Puts an odd value somewhere into a JSON value. */
function oddly(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.int(4) === 0) return pick(random, ODD);
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  if (keys.length === 0) return pick(random, ODD);
  const key = pick(random, keys);
  if (random.int(6) === 0) delete copy[key];
  else copy[key] = oddly(copy[key], random);
  return copy;
}

function damageJson(bytes: Buffer, random: Random): Buffer {
  try {
    return Buffer.from(JSON.stringify(oddly(JSON.parse(bytes.toString("utf8")), random)));
  } catch {
    return damageBytes(bytes, random);
  }
}

function damageEntries(bytes: Buffer, random: Random): Buffer {
  const length = bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE());
  if (length === 0 || length > bytes.length - 8) return damageBytes(bytes, random);
  const header = damageJson(bytes.subarray(8, 8 + length), random);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(random.int(8) === 0 ? pick(random, [0, 1, length + 1, 99999999]) : header.length));
  return Buffer.concat([size, header, bytes.subarray(8 + length)]);
}
