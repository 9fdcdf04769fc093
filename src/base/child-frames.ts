/** Messages between a process and its children: 8 bytes of length, then the value as V8 serialises it. */
import { readSync, writeSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { AREAS, inheritedAreas, pack, unpack } from "./child-areas.ts";

/** Where both ends find the channel. */
export const CHANNEL = 3;
const PIECE = 2 ** 26;

/** A value as its length and its bytes; its large arrays go into `area`, where there is one. */
export function encodeFrame(value: unknown, area?: number): [head: Buffer, body: Buffer] {
  const body = area === undefined ? serialize(value) : pack(value, area);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(body.length));
  return [head, body];
}

/**
 * Collects frames from pieces as a socket hands them over; `take` is called with each whole value, whose large arrays
 * lie in the areas in turn, where there are any. Throws what a damaged frame makes of it.
 */
export class FrameReader {
  readonly #take: (value: unknown) => void;
  readonly #areas: number[];
  #taken = 0;
  #head = Buffer.alloc(8);
  #body: Buffer | null = null;
  #filled = 0;

  constructor(areas: number[], take: (value: unknown) => void) {
    this.#areas = areas;
    this.#take = take;
  }
  push(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      const into = this.#body ?? this.#head;
      const count = piece.copy(into, this.#filled, at);
      at += count;
      this.#filled += count;
      if (this.#filled < into.length) return;
      this.#filled = 0;
      if (this.#body === null) this.#body = Buffer.allocUnsafeSlow(Number(this.#head.readBigUInt64LE()));
      else {
        const body = this.#body;
        this.#body = null;
        const area = this.#areas[this.#taken++ % AREAS];
        this.#take(area === undefined ? deserialize(body) : unpack(body, area));
      }
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Repeats a call on the blocking channel while the system asks for patience. */
function patient(body: () => number): number {
  for (;;) {
    try {
      return body();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

function readExactly(bytes: number): Buffer | null {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const got = patient(() => readSync(CHANNEL, buffer, done, Math.min(PIECE, bytes - done), null));
    if (got === 0) return null;
    done += got;
  }
  return buffer;
}

/** The child's end: waits for the next value; undefined when the parent has gone. */
export function readFrame(): unknown {
  const head = readExactly(8);
  const body = head === null ? null : readExactly(Number(head.readBigUInt64LE()));
  return body === null ? undefined : deserialize(body);
}

let areas: number[] | null = null;
let written = 0;

/** The child's end: sends a value. */
export function writeFrame(value: unknown): void {
  areas ??= inheritedAreas();
  for (const buffer of encodeFrame(value, areas[written++ % AREAS]))
    for (let done = 0; done < buffer.length; )
      done += patient(() => writeSync(CHANNEL, buffer, done, Math.min(PIECE, buffer.length - done)));
}
