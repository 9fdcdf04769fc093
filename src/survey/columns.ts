/**
 * Columns of a catalogue kept small: numbers in typed arrays, text as UTF-8 bytes. What they hold lies in shared memory,
 * so that every thread of a process reads the same bytes: a million objects are in memory once.
 */
import { SkyloopError } from "../base/errors.ts";
import type { Cell, CellType } from "./duck.ts";

/** What a column holds; it can be sent to another thread, which then reads the same memory. */
export type ColumnData =
  | { kind: "numbers"; values: Float64Array; missing: Uint8Array | null }
  /** 0, 1, or 2 where there is no value. */
  | { kind: "booleans"; values: Uint8Array }
  /** Text after text in UTF-8; row i ends before `ends[i]`. */
  | { kind: "text"; bytes: Uint8Array; ends: Uint32Array; missing: Uint8Array | null };

/** One column, [count]. */
export interface CatalogueColumn {
  readonly name: string;
  readonly type: CellType;
  readonly length: number;
  readonly data: ColumnData;
  /** The value of a row; null where there is none. */
  at(row: number): Cell;
}

const NO_VALUE = 2;

/** A column over what `ColumnBuilder` made, or what another thread sent. */
export function columnOver(name: string, type: CellType, data: ColumnData): CatalogueColumn {
  if (data.kind === "numbers") {
    const { values, missing } = data;
    const at = (row: number) => (missing !== null && missing[row] === 1 ? null : values[row]);
    return { name, type, length: values.length, data, at };
  }
  if (data.kind === "booleans") {
    const { values } = data;
    return {
      name,
      type,
      length: values.length,
      data,
      at: (row) => (values[row] === NO_VALUE ? null : values[row] === 1),
    };
  }
  const { bytes, ends, missing } = data;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (row: number) =>
    missing !== null && missing[row] === 1 ? null : text.toString("utf8", row === 0 ? 0 : ends[row - 1], ends[row]);
  return { name, type, length: ends.length, data, at };
}

/** Collects a column's values, some rows at a time. `push` throws SURVEY_TOO_LARGE beyond 4 GiB of text. */
export class ColumnBuilder {
  readonly #name: string;
  readonly #type: CellType;
  readonly #numbers: Float64Array;
  readonly #booleans: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #parts: Buffer[] = [];
  #missing: Uint8Array | null = null;
  #bytes = 0;
  #rows = 0;

  constructor(name: string, type: CellType, count: number) {
    this.#name = name;
    this.#type = type;
    const isNumber = type === "number" || type === "integer";
    this.#numbers = new Float64Array(new SharedArrayBuffer(isNumber ? count * 8 : 0));
    this.#booleans = new Uint8Array(new SharedArrayBuffer(type === "boolean" ? count : 0));
    this.#ends = new Uint32Array(new SharedArrayBuffer(type === "string" ? count * 4 : 0));
  }

  /** Appends the values of the next rows. */
  push(values: readonly Cell[]): void {
    if (this.#type === "string") this.#pushText(values);
    else if (this.#type === "boolean")
      for (const [i, value] of values.entries())
        this.#booleans[this.#rows + i] = value === null ? NO_VALUE : Number(value);
    else
      for (const [i, value] of values.entries()) {
        if (value === null) this.#miss(this.#rows + i);
        else this.#numbers[this.#rows + i] = Number(value);
      }
    this.#rows += values.length;
  }

  /** The column. The builder is not used after it. */
  build(): CatalogueColumn {
    if (this.#type === "boolean")
      return columnOver(this.#name, this.#type, { kind: "booleans", values: this.#booleans });
    if (this.#type !== "string")
      return columnOver(this.#name, this.#type, { kind: "numbers", values: this.#numbers, missing: this.#missing });
    const bytes = new Uint8Array(new SharedArrayBuffer(this.#bytes));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return columnOver(this.#name, this.#type, { kind: "text", bytes, ends: this.#ends, missing: this.#missing });
  }

  #pushText(values: readonly Cell[]): void {
    const texts = values.map((value, i) => {
      if (value === null) this.#miss(this.#rows + i);
      return value === null ? "" : String(value);
    });
    for (const [i, text] of texts.entries()) {
      this.#bytes += Buffer.byteLength(text);
      this.#ends[this.#rows + i] = this.#bytes;
    }
    if (this.#bytes >= 2 ** 32)
      throw new SkyloopError(
        "SURVEY_TOO_LARGE",
        `column ${this.#name} holds more than 4 GiB of text; leave it out of the catalogue, or split the survey`,
      );
    this.#parts.push(Buffer.from(texts.join("")));
  }

  #miss(row: number): void {
    const count = Math.max(this.#numbers.length, this.#ends.length);
    this.#missing ??= new Uint8Array(new SharedArrayBuffer(count));
    this.#missing[row] = 1;
  }
}

/**
 * Finds rows by id without a JavaScript Map, which ends at 2^24 entries: a table of hashes [slots] of row + 1, over the
 * bytes of a text column. Where two rows have one id, the first is found.
 */
export class IdIndex {
  readonly table: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #ends: Uint32Array;

  /** `table` is that of another thread's index over the same column; without it one is made. */
  constructor(ids: CatalogueColumn, table?: Uint32Array) {
    if (ids.data.kind !== "text")
      throw new SkyloopError("SURVEY_BROKEN", "the catalogue's ids are no text; make it again");
    this.#bytes = ids.data.bytes;
    this.#ends = ids.data.ends;
    this.table = table ?? this.#make();
  }

  /** The row of an id; undefined where there is none. */
  row(id: string): number | undefined {
    const wanted = Buffer.from(id);
    const mask = this.table.length - 1;
    for (let slot = hashOf(wanted, 0, wanted.length) & mask; this.table[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.table[slot] - 1;
      if (this.#is(row, wanted, 0, wanted.length)) return row;
    }
    return undefined;
  }

  #make(): Uint32Array {
    const count = this.#ends.length;
    const slots = 2 ** Math.max(4, Math.ceil(Math.log2(count * 1.5 + 1)));
    const table = new Uint32Array(new SharedArrayBuffer(slots * 4));
    for (let row = 0; row < count; row++) {
      const [from, to] = [row === 0 ? 0 : this.#ends[row - 1], this.#ends[row]];
      let slot = hashOf(this.#bytes, from, to) & (slots - 1);
      let known = false;
      while (table[slot] !== 0 && !known) {
        known = this.#is(table[slot] - 1, this.#bytes, from, to);
        if (!known) slot = (slot + 1) & (slots - 1);
      }
      if (!known) table[slot] = row + 1;
    }
    return table;
  }

  #is(row: number, other: Uint8Array, from: number, to: number): boolean {
    const start = row === 0 ? 0 : this.#ends[row - 1];
    if (this.#ends[row] - start !== to - from) return false;
    for (let i = 0; i < to - from; i++) if (this.#bytes[start + i] !== other[from + i]) return false;
    return true;
  }
}

/** FNV-1a of some bytes, mixed once more so that its low bits depend on all of them. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
