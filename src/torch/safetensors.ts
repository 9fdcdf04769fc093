/**
 * Reads and writes safetensors files (https://huggingface.co/docs/safetensors): a length (8 bytes), a JSON header, the
 * tensors' bytes. Our own reader because no npm package reads and writes the format for typed arrays (docs/decisions).
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import type { DType } from "./dispatch.ts";
import { type Tensor, tensorBytes, tensorFromBytes } from "./tensor.ts";

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

/** Reads a file, or only the tensors whose names `wanted` accepts. Throws BAD_SAFETENSORS with the reason. */
export function readSafetensors(path: string, wanted: (name: string) => boolean = () => true): SafetensorsFile {
  const broken = (why: string, cause?: unknown) =>
    new SkyloopError("BAD_SAFETENSORS", `${path} is not a whole safetensors file: ${why}; copy or make it again`, {
      cause,
    });
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
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
    let header: Record<string, Entry>;
    try {
      header = JSON.parse(Buffer.from(read(8, headerBytes)).toString("utf8"));
    } catch (cause) {
      throw broken(`its header is not JSON (${messageOf(cause)})`, cause);
    }
    const { __metadata__: metadata = {}, ...entries } = header as Record<string, Entry> & {
      __metadata__?: Record<string, string>;
    };
    const tensors: Record<string, Tensor> = {};
    for (const [
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ] of Object.entries(entries)) {
      if (!wanted(name)) continue;
      if (!(dtype in NAMES)) throw broken(`tensor ${name} has the unknown type ${dtype}`);
      if (!(from <= to && 8 + headerBytes + to <= size)) throw broken(`tensor ${name} ends beyond the file`);
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
