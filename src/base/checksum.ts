/** CRC-32 (ISO 3309, as in zip and PNG): tells damage of stored bytes, not tampering. */
import zlib from "node:zlib";

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** CRC-32 of bytes, byte by byte: where Node has none of its own (before 20.15), and to check that against. */
export function crc32Slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** CRC-32 of the numbers' bytes as they lie in memory. */
export function crc32(values: Float32Array | Int8Array | Uint8Array): number {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return "crc32" in zlib ? (zlib.crc32 as (bytes: Uint8Array) => number)(bytes) : crc32Slowly(bytes);
}
