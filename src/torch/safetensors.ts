/**
 * Reads and writes safetensors files (https://huggingface.co/docs/safetensors): a length (8 bytes), a JSON header, the
 * tensors' bytes. Our own reader because no npm package reads and writes the format for typed arrays (docs/decisions).
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { openToRead, writeFileAtomic } from "../base/files.ts";
import { tensorBytes, tensorFromBytes } from "./create.ts";
import type { DType } from "./dispatch.ts";
import type { Tensor } from "./tensor.ts";

const NAMES: Record<string, DType> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};
const BYTES: Record<string, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};
const CODES = Object.fromEntries(Object.entries(NAMES).map(([code, name]) => [name, code]));

/** What a file holds: its text metadata, and its tensors by name. */
export interface SafetensorsFile {
  metadata: Record<string, string>;
  tensors: Record<string, Tensor>;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const ofObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A header whose entries are what the format says, each as long as its shape; `broken` makes the error. */
function checkedHeader(
  header: unknown,
  broken: (why: string) => SkyloopError,
): Record<string, Entry> & { __metadata__: Record<string, string> } {
  if (!ofObject(header)) throw broken("its header is no JSON object");
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!ofObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string"))
    throw broken("its metadata are not texts by name");
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = ofObject(entry) ? entry : {};
    if (typeof dtype !== "string" || !Object.hasOwn(NAMES, dtype))
      throw broken(`tensor ${name} has the unknown type ${JSON.stringify(dtype)}`);
    if (!Array.isArray(shape) || !shape.every(isCount))
      throw broken(`tensor ${name} has the shape ${JSON.stringify(shape)}`);
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1])
      throw broken(`tensor ${name} has the data_offsets ${JSON.stringify(offsets)}`);
    if (shape.reduce((product, n) => product * n, BYTES[dtype]) !== offsets[1] - offsets[0])
      throw broken(`tensor ${name} has ${offsets[1] - offsets[0]} bytes, which is not its shape [${shape.join(", ")}]`);
  }
  return { ...entries, __metadata__: metadata } as Record<string, Entry> & { __metadata__: Record<string, string> };
}

/** Reads a file, or only the tensors whose names `wanted` accepts. Throws BAD_SAFETENSORS with the reason. */
export function readSafetensors(path: string, wanted: (name: string) => boolean = () => true): SafetensorsFile {
  const broken = (why: string, cause?: unknown) =>
    new SkyloopError("BAD_SAFETENSORS", `${path} is not a whole safetensors file: ${why}; copy or make it again`, {
      cause,
    });
  let file: number;
  try {
    file = openToRead(path);
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    throw new SkyloopError("FILE_UNREADABLE", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    const size = fstatSync(file).size;
    const read = (at: number, length: number) => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const got = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), at + done);
        if (got === 0) throw broken(`it ends at byte ${at + done}`);
        done += got;
      }
      return bytes;
    };
    if (size < 8) throw broken(`it has ${size} bytes`);
    const headerBytes = Number(Buffer.from(read(0, 8)).readBigUInt64LE());
    if (headerBytes > Math.min(size - 8, 1e8)) throw broken(`its header claims ${headerBytes} bytes`);
    let header: unknown;
    try {
      header = JSON.parse(Buffer.from(read(8, headerBytes)).toString("utf8"));
    } catch (cause) {
      throw broken(`its header is not JSON (${messageOf(cause)})`, cause);
    }
    const { __metadata__: metadata, ...entries } = checkedHeader(header, broken);
    const tensors: Record<string, Tensor> = {};
    for (const [name, entry] of Object.entries(entries)) {
      if (!wanted(name)) continue;
      const {
        dtype,
        shape,
        data_offsets: [from, to],
      } = entry;
      if (8 + headerBytes + to > size) throw broken(`tensor ${name} ends beyond the file`);
      tensors[name] = tensorFromBytes(read(8 + headerBytes + from, to - from), shape, NAMES[dtype]);
    }
    return { metadata, tensors };
  } finally {
    closeSync(file);
  }
}

/** Writes tensors (sorted by name, aligned to 8 bytes) and metadata; the file appears whole or not at all. */
export function writeSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  const names = Object.keys(tensors).sort();
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const bytes = tensorBytes(tensors[name]);
    header[name] = {
      dtype: CODES[tensors[name].dtype],
      shape: tensors[name].shape,
      data_offsets: [offset, offset + bytes.length],
    };
    parts.push(bytes);
    offset += bytes.length;
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  writeFileAtomic(path, [length, Buffer.from(text), ...parts]);
}
