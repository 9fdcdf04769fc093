/**
 * Columns of a catalogue kept small: numbers in typed arrays, text as UTF-8 bytes. What they hold lies in shared memory,
 * so that every thread of a process reads the same bytes: a million objects are in memory once.
 */
import { SkyloopError } from "../base/errors.ts";
import type { Cell, CellType } from "./duck.ts";

/** What a column holds; it can be sent to another thread, which then reads the same memory. */
export type ColumnData =
  /** At most 256 different values: row i holds `values[codes[i]]`. */
  | { kind: "coded"; codes: Uint8Array; values: Cell[] }
  /** Single precision where that holds every value as it is. */
  | { kind: "numbers"; values: Float64Array | Float32Array; missing: Uint8Array | null }
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

/** A column over what `ColumnBuilder` made, or what another thread sent. */
export function columnOver(name: string, type: CellType, data: ColumnData): CatalogueColumn {
  if (data.kind === "coded") {
    const { codes, values } = data;
    return { name, type, length: codes.length, data, at: (row) => values[codes[row]] };
  }
  if (data.kind === "numbers") {
    const { values, missing } = data;
    const at = (row: number) => (missing !== null && missing[row] === 1 ? null : values[row]);
    return { name, type, length: values.length, data, at };
  }
  const { bytes, ends, missing } = data;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (row: number) =>
    missing !== null && missing[row] === 1 ? null : text.toString("utf8", row === 0 ? 0 : ends[row - 1], ends[row]);
  return { name, type, length: ends.length, data, at };
}

const MOST_CODES = 256;

/** Collects a column's values, some rows at a time. `push` throws SURVEY_TOO_LARGE beyond 4 GiB of text. */
export class ColumnBuilder {
  readonly #name: string;
  readonly #type: CellType;
  readonly #codes: Uint8Array;
  readonly #values: Cell[] = [];
  readonly #codeOf = new Map<Cell, number>();
  /** Takes over when there are more different values than codes. */
  #plain: NumbersBuilder | TextBuilder | null = null;
  #rows = 0;

  constructor(name: string, type: CellType, count: number) {
    this.#name = name;
    this.#type = type;
    this.#codes = new Uint8Array(new SharedArrayBuffer(count));
  }

  /** Appends the values of the next rows. */
  push(values: readonly Cell[]): void {
    let coded = 0;
    while (this.#plain === null && coded < values.length) {
      const code = this.#code(values[coded]);
      if (code === null) this.#plain = this.#toPlain(this.#rows + coded);
      else this.#codes[this.#rows + coded++] = code;
    }
    this.#rows += coded;
    this.#plain?.push(values.slice(coded));
  }

  /** The column. The builder is not used after it. */
  build(): CatalogueColumn {
    const coded = { kind: "coded" as const, codes: this.#codes, values: this.#values };
    return columnOver(this.#name, this.#type, this.#plain?.build() ?? coded);
  }

  #code(value: Cell): number | null {
    // A map takes minus zero for zero.
    if (Object.is(value, -0)) return null;
    const known = this.#codeOf.get(value);
    if (known !== undefined) return known;
    if (this.#values.length === MOST_CODES) return null;
    this.#codeOf.set(value, this.#values.length);
    return this.#values.push(value) - 1;
  }

  #toPlain(rows: number): NumbersBuilder | TextBuilder {
    const count = this.#codes.length;
    const plain = this.#type === "string" ? new TextBuilder(this.#name, count) : new NumbersBuilder(count);
    plain.push(Array.from(this.#codes.subarray(0, rows), (code) => this.#values[code]));
    return plain;
  }
}

/** Marks the rows that have no value; null while every row has one. */
class MissingRows {
  rows: Uint8Array | null = null;

  add(row: number, count: number): void {
    this.rows ??= new Uint8Array(new SharedArrayBuffer(count));
    this.rows[row] = 1;
  }
}

class NumbersBuilder {
  readonly #numbers: Float64Array;
  readonly #missing = new MissingRows();
  #rows = 0;

  constructor(count: number) {
    this.#numbers = new Float64Array(new SharedArrayBuffer(count * 8));
  }

  push(values: readonly Cell[]): void {
    for (const value of values) {
      if (value === null) this.#missing.add(this.#rows, this.#numbers.length);
      else this.#numbers[this.#rows] = Number(value);
      this.#rows++;
    }
  }

  build(): ColumnData {
    const single = this.#numbers.every((value) => Object.is(Math.fround(value), value));
    const values = single ? new Float32Array(new SharedArrayBuffer(this.#numbers.length * 4)) : this.#numbers;
    if (single) values.set(this.#numbers);
    return { kind: "numbers", values, missing: this.#missing.rows };
  }
}

class TextBuilder {
  readonly #name: string;
  readonly #ends: Uint32Array;
  readonly #parts: Buffer[] = [];
  readonly #missing = new MissingRows();
  #bytes = 0;
  #rows = 0;

  constructor(name: string, count: number) {
    this.#name = name;
    this.#ends = new Uint32Array(new SharedArrayBuffer(count * 4));
  }

  push(values: readonly Cell[]): void {
    const texts = values.map((value, i) => {
      if (value === null) this.#missing.add(this.#rows + i, this.#ends.length);
      return value === null ? "" : String(value);
    });
    for (const text of texts) {
      this.#bytes += Buffer.byteLength(text);
      this.#ends[this.#rows++] = this.#bytes;
    }
    if (this.#bytes >= 2 ** 32)
      throw new SkyloopError(
        "SURVEY_TOO_LARGE",
        `column ${this.#name} holds more than 4 GiB of text; leave it out of the catalogue, or split the survey`,
      );
    this.#parts.push(Buffer.from(texts.join("")));
  }

  build(): ColumnData & { kind: "text" } {
    const bytes = new Uint8Array(new SharedArrayBuffer(this.#bytes));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { kind: "text", bytes, ends: this.#ends, missing: this.#missing.rows };
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
    if (ids.type !== "string")
      throw new SkyloopError("SURVEY_BROKEN", "the catalogue's ids are no text; make it again");
    const { bytes, ends } = textOf(ids);
    this.#bytes = bytes;
    this.#ends = ends;
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

/** A column's text, as it lies in memory; of a short catalogue's codes, spelled out. */
function textOf({ name, length, data, at }: CatalogueColumn): ColumnData & { kind: "text" } {
  if (data.kind === "text") return data;
  const builder = new TextBuilder(name, length);
  builder.push(Array.from({ length }, (_, row) => at(row)));
  return builder.build();
}

/** FNV-1a of some bytes, mixed once more so that its low bits depend on all of them. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
