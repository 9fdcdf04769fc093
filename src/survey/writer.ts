import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { hashFile, lockFolder, writeError, writeFileAtomic } from "../base/files.ts";
import { type Codec, type Problem, RESERVED_COLUMNS, type SurveyHeader } from "../contract/survey.ts";
import { type Cell, type CellType, type TableColumn, writeColumns } from "./duck.ts";
import { faultOfId, idInstead } from "./ids.ts";
import {
  beginPartial,
  checkReplaceable,
  clearReplacement,
  type Keeping,
  lockOf,
  partialOf,
  placeInstead,
  placeNew,
  realPath,
} from "./replace.ts";
import { oldRowsOf } from "./same-rows.ts";

const PACK_BYTES = 2 ** 30;

/** What the header of a new survey says. */
export interface SurveyOptions {
  title: string;
  kind: "flux" | "colour";
  bands: string[];
  unit: string;
  pixelScaleArcsec: number | null;
  adaptiveCrop: boolean;
  seed: number | null;
  command: string;
  /** Folder of images that the survey is of, as an absolute path. */
  imagesFolder?: string;
}

/** The survey that stands under the name is replaced; what it hands on, and the files that must not lie in it. */
export interface Replacing {
  keeping: Keeping;
  inputs: string[];
}

/** An object to add to a survey: its pixels as bytes of `codec`, position, source and columns. */
export type NewStamp = {
  id: string;
  raDeg: number | null;
  decDeg: number | null;
  source: string;
  /** Bit mask of docs/conventions.md. */
  quality?: number;
  columns: Record<string, Cell>;
  widthPx: number;
  heightPx: number;
} & ({ codec: "f32"; data: Float32Array } | { codec: Exclude<Codec, "f32">; bytes: Uint8Array });

type Placed = Omit<NewStamp, "codec"> & { codec: Codec; pack: number; offset: number; byteCount: number };

/**
 * Builds a survey folder in `OUT.partial` and renames it to `OUT` when it is finished: a killed run leaves nothing
 * half-made under the final name, and the next run clears what it left. A survey that stands there is replaced only
 * where that is asked for, and only by a finished one. Throws SURVEY_EXISTS, NOT_A_SURVEY, OUT_HOLDS_INPUT, LOCKED,
 * FOLDER_IN_THE_WAY, DISK_FULL.
 */
export class SurveyWriter {
  readonly #out: string;
  readonly #partial: string;
  readonly #options: SurveyOptions;
  readonly #replacing: Replacing | null;
  readonly #release: () => void;
  readonly #rows: Placed[] = [];
  readonly #ids = new Set<string>();
  readonly #problems: Problem[] = [];
  readonly #hash = createHash("sha256");
  #pack = -1;
  #file: number | null = null;
  #offset = 0;

  constructor(out: string, options: SurveyOptions, replacing: Replacing | null = null) {
    this.#out = realPath(out);
    this.#partial = partialOf(this.#out);
    this.#options = options;
    try {
      mkdirSync(dirname(this.#out), { recursive: true });
    } catch (cause) {
      throw writeError(out, cause);
    }
    this.#release = lockFolder(dirname(this.#out), lockOf(this.#out));
    try {
      clearReplacement(this.#out);
      const stands = existsSync(this.#out);
      if (stands && replacing === null)
        throw new SkyloopError(
          "SURVEY_EXISTS",
          `${out} exists; choose another name, or pass --overwrite to make the survey again (its labels stay)`,
        );
      if (stands && replacing !== null) {
        checkReplaceable(this.#out, replacing.inputs);
        replacing.keeping.settleLabels(this.#out);
      }
      this.#replacing = stands ? replacing : null;
      beginPartial(this.#out);
    } catch (cause) {
      this.#release();
      throw writeError(this.#partial, cause);
    }
  }

  get count(): number {
    return this.#rows.length;
  }

  /**
   * Appends one stamp. An id that cannot be one (ids.ts) is changed and named; a second stamp with the same id is not
   * taken but recorded as a problem.
   */
  add(given: NewStamp): void {
    const stamp = { ...given, id: this.#idFor(given) };
    if (this.#ids.has(stamp.id)) {
      this.problem({
        source: stamp.source,
        code: "DUPLICATE_ID",
        message: `id ${stamp.id} stands already in the survey; the first one is kept`,
        kept: false,
      });
      return;
    }
    const bytes =
      stamp.codec === "f32"
        ? new Uint8Array(stamp.data.buffer, stamp.data.byteOffset, stamp.data.byteLength)
        : stamp.bytes;
    try {
      this.#append(bytes);
    } catch (cause) {
      throw writeError(this.#partial, cause);
    }
    this.#ids.add(stamp.id);
    const { codec, id, raDeg, decDeg, source, quality, columns, widthPx, heightPx } = stamp;
    this.#rows.push({
      id,
      raDeg,
      decDeg,
      source,
      quality,
      columns,
      widthPx,
      heightPx,
      codec,
      pack: this.#pack,
      offset: this.#offset - bytes.length,
      byteCount: bytes.length,
    });
  }

  #idFor({ id, source }: NewStamp): string {
    const fault = faultOfId(id);
    if (fault === null) return id.trim();
    const instead = idInstead(id, source);
    const shown = JSON.stringify(id.length > 60 ? `${id.slice(0, 60)}…` : id);
    this.problem({ source, code: "ID_CHANGED", message: `id ${shown} ${fault}; it is called ${instead}`, kept: true });
    return instead;
  }

  problem(problem: Problem): void {
    this.#problems.push(problem);
  }

  /** Completes the folder and gives it its name. Throws NO_STAMPS where nothing was added. */
  async finish(): Promise<SurveyHeader> {
    try {
      if (this.#rows.length === 0)
        throw new SkyloopError(
          "NO_STAMPS",
          `no stamp could be taken in${this.#problems.length > 0 ? ` (${this.#problems.length} problems, the first: ${this.#problems[0].source}: ${this.#problems[0].message})` : ""}; check --images`,
        );
      this.#closePack();
      const catalogue = join(this.#partial, "catalogue.parquet");
      await writeColumns(catalogue, "parquet", this.#columns());
      const header: SurveyHeader = {
        format: "skyloop-survey",
        version: 1,
        title: this.#options.title,
        createdAt: new Date().toISOString(),
        command: this.#options.command,
        seed: this.#options.seed,
        count: this.#rows.length,
        kind: this.#options.kind,
        bands: this.#options.bands,
        unit: this.#options.unit,
        pixelScaleArcsec: this.#options.pixelScaleArcsec,
        adaptiveCrop: this.#options.adaptiveCrop,
        ...(this.#options.imagesFolder === undefined ? {} : { imagesFolder: this.#options.imagesFolder }),
        dataHash: this.#hash
          .update(this.#rows.map(({ id }) => id).join("\n"))
          .update(await hashFile(catalogue))
          .digest("hex"),
      };
      writeFileAtomic(join(this.#partial, "problems.json"), `${JSON.stringify(this.#problems, null, 1)}\n`);
      writeFileAtomic(join(this.#partial, "survey.json"), `${JSON.stringify(header, null, 2)}\n`);
      if (this.#replacing === null) placeNew(this.#out);
      else placeInstead(this.#out, await oldRowsOf(this.#out, this.#partial), this.#replacing.keeping);
      this.#release();
      return header;
    } catch (cause) {
      this.abort();
      throw writeError(this.#out, cause);
    }
  }

  /** Gives up and removes what was written. */
  abort(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    rmSync(this.#partial, { recursive: true, force: true });
    this.#release();
  }

  #append(bytes: Uint8Array): void {
    if (this.#file === null || this.#offset + bytes.length > PACK_BYTES) {
      this.#closePack();
      this.#pack++;
      this.#file = openSync(join(this.#partial, "stamps", `${String(this.#pack).padStart(4, "0")}.pack`), "w");
      this.#offset = 0;
    }
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done, bytes.length - done);
    this.#hash.update(bytes);
    this.#offset += bytes.length;
  }

  #closePack(): void {
    if (this.#file === null) return;
    fsyncSync(this.#file);
    closeSync(this.#file);
    this.#file = null;
  }

  #columns(): TableColumn[] {
    const rows = this.#rows;
    const own = (
      name: (typeof RESERVED_COLUMNS)[number],
      type: CellType,
      value: (row: Placed) => Cell,
    ): TableColumn => ({
      name,
      type,
      values: rows.map(value),
    });
    const users = userColumns(rows.map(({ columns }) => columns));
    return [
      own("id", "string", ({ id }) => id),
      own("ra", "number", ({ raDeg }) => raDeg),
      own("dec", "number", ({ decDeg }) => decDeg),
      own("source", "string", ({ source }) => source),
      own("pack", "integer", ({ pack }) => pack),
      own("offset", "integer", ({ offset }) => offset),
      own("bytes", "integer", ({ byteCount }) => byteCount),
      own("codec", "string", ({ codec }) => codec),
      own("width", "integer", ({ widthPx }) => widthPx),
      own("height", "integer", ({ heightPx }) => heightPx),
      own("quality", "integer", ({ quality }) => quality ?? 0),
      ...users,
    ];
  }
}

/**
 * The user's columns, one value a row. Names that differ in case only are one name to DuckDB: the later ones get a
 * number. A column whose values are of several kinds is kept as text.
 */
function userColumns(rows: Record<string, Cell>[]): TableColumn[] {
  const names = new Set(rows.flatMap((columns) => Object.keys(columns)));
  const taken = new Set<string>(RESERVED_COLUMNS);
  for (const name of RESERVED_COLUMNS) names.delete(name);
  return [...names].map((name) => {
    const values = rows.map((columns) => (Object.hasOwn(columns, name) ? (columns[name] ?? null) : null));
    const kinds = new Set(values.filter((value) => value !== null).map((value) => typeof value));
    const type: CellType =
      kinds.size !== 1 ? "string" : kinds.has("number") ? "number" : kinds.has("boolean") ? "boolean" : "string";
    let unique = name;
    for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return { name: unique, type, values };
  });
}
