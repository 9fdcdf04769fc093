/**
 * Large arrays between a child process and its parent: they lie in files in memory that both hold open, beside the
 * channel of messages. Through the channel they would be copied four times and come in pieces of 64 kB.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DefaultDeserializer, DefaultSerializer } from "node:v8";

/** Replies of one child that its parent may not have read yet; each has an area of its own. */
export const AREAS = 2;
/** Where the child finds the first of them. */
const FIRST_AREA = 4;
const FOLDER = "/dev/shm";
/** What is smaller goes with its message. */
const LEAST_BYTES = 1 << 16;
/** An area that grew beyond this for one reply is emptied after it. */
const KEPT_BYTES = 1 << 26;
const PIECE = 2 ** 30;

const KINDS = [Float32Array, Float64Array, Uint8Array, Int32Array, Uint16Array, Int16Array, Uint32Array] as const;
type Large = InstanceType<(typeof KINDS)[number]>;

/** A file in memory without a name; null where the system has none. */
export function makeArea(): number | null {
  const path = join(FOLDER, `skyloop-${randomUUID()}`);
  try {
    const file = openSync(path, "wx+", 0o600);
    rmSync(path);
    return file;
  } catch {
    return null;
  }
}

/** The child's areas; empty where its parent could make none. */
export function inheritedAreas(): number[] {
  const areas = Array.from({ length: AREAS }, (_, i) => FIRST_AREA + i);
  try {
    return areas.every((file) => fstatSync(file).isFile()) ? areas : [];
  } catch {
    return [];
  }
}

/** Gives them back. */
export function closeAreas(areas: number[]): void {
  for (const area of areas) closeSync(area);
}

/** What node:v8 does not declare of its own classes. */
type HostObjects = { _writeHostObject(view: ArrayBufferView): void; _readHostObject(): unknown };

class Writer extends DefaultSerializer {
  readonly #area: number;
  #filled = 0;
  constructor(area: number) {
    super();
    this.#area = area;
  }
  /** Where node:v8 asks how to write an array. */
  _writeHostObject(view: ArrayBufferView): void {
    const kind = KINDS.indexOf(view.constructor as (typeof KINDS)[number]);
    const apart = kind >= 0 && view.byteLength >= LEAST_BYTES && this.#put(view);
    this.writeUint32(apart ? 1 + kind : 0);
    if (apart) {
      this.writeDouble(this.#filled - view.byteLength);
      this.writeDouble((view as Large).length);
    } else (DefaultSerializer.prototype as unknown as HostObjects)._writeHostObject.call(this, view);
  }
  /** False where there is no room for it: a small /dev/shm, as containers have, or a limit on the size of files. */
  #put(view: ArrayBufferView): boolean {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    let done = 0;
    try {
      while (done < bytes.length)
        done += writeSync(this.#area, bytes, done, Math.min(PIECE, bytes.length - done), this.#filled + done);
    } catch {
      if (done > 0) ftruncateSync(this.#area, this.#filled);
      return false;
    }
    this.#filled += bytes.length;
    return true;
  }
}

/** Memory of arrays that nobody uses any more, for others of their length. */
let spare: ArrayBuffer[] = [];
const MOST_SPARE = 8;

function roomFor(bytes: number): Uint8Array<ArrayBuffer> {
  const at = spare.findIndex(({ byteLength }) => byteLength === bytes);
  return at < 0 ? Buffer.allocUnsafeSlow(bytes) : new Uint8Array(spare.splice(at, 1)[0]);
}

/**
 * Takes back an array of a reply that nothing refers to any more; the next reply of its length is read into it. Without
 * it each array is new memory, which costs the collector of garbage more time than the array is worth.
 */
export function giveBack({ buffer, byteLength }: ArrayBufferView): void {
  // Small ones lie in the message that they came with.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) return;
  if (byteLength < LEAST_BYTES || byteLength > KEPT_BYTES / MOST_SPARE) return;
  spare = [buffer, ...spare.filter((other) => other !== buffer)].slice(0, MOST_SPARE);
}

class Reader extends DefaultDeserializer {
  readonly #area: number;
  #used = 0;
  constructor(message: Buffer, area: number) {
    super(message);
    this.#area = area;
  }
  _readHostObject(): unknown {
    const kind = this.readUint32();
    if (kind === 0) return (DefaultDeserializer.prototype as unknown as HostObjects)._readHostObject.call(this);
    const [place, length] = [this.readDouble(), this.readDouble()];
    const Kind = KINDS[kind - 1];
    const bytes = roomFor(length * Kind.BYTES_PER_ELEMENT);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#area, bytes, done, Math.min(PIECE, bytes.length - done), place + done);
      if (got === 0) throw new Error("an area in memory is shorter than its message says");
      done += got;
    }
    this.#used = place + bytes.length;
    return new Kind(bytes.buffer, 0, length);
  }
  /** Gives back what a large reply took. */
  empty(): void {
    if (this.#used > KEPT_BYTES) ftruncateSync(this.#area, 0);
  }
}

/** A value for `unpack`, its large arrays in `area`, whose content is lost. */
export function pack(value: unknown, area: number): Buffer {
  const writer = new Writer(area);
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

/** The value of a message of `pack`. */
export function unpack(message: Buffer, area: number): unknown {
  const reader = new Reader(message, area);
  reader.readHeader();
  const value = reader.readValue();
  reader.empty();
  return value;
}
