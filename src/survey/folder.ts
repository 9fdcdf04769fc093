/** A survey folder as others read it (layout: contract/survey.ts). */
import { closeSync, existsSync, fstatSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { openToRead, readJson } from "../base/files.ts";
import {
  type CatalogueRow,
  type Codec,
  type PixelKind,
  Problem,
  RESERVED_COLUMNS,
  type Simulation,
  SurveyHeader,
} from "../contract/survey.ts";
import { type CatalogueColumn, ColumnBuilder, type ColumnData, columnOver, IdIndex } from "./columns.ts";
import { type CellType, readParquetBlocks } from "./duck.ts";
import { rawPicture } from "./picture-pixels.ts";
import { recoverReplacement } from "./replace.ts";
import { StampDrawer } from "./simulate/drawer.ts";

export { type ChooseCrop, type NewStamp, type SurveyOptions, SurveyWriter } from "./writer.ts";

/**
 * One object's pixels, [bands, H, W]. Colour: values in [0, 1] as decoded, top row first. Flux: in `unit`, rows as in
 * the FITS file (row 0 is the bottom), NaN where there is no measurement.
 */
export interface Stamp {
  id: string;
  index: number;
  kind: PixelKind;
  bands: string[];
  unit: string;
  widthPx: number;
  heightPx: number;
  data: Float32Array;
}

/** An open survey: header and catalogue in memory, stamps read from their packs when asked for. */
export interface Survey {
  readonly folder: string;
  /** The folder's own name; how the page and the command line call it. */
  readonly name: string;
  readonly header: SurveyHeader;
  /** How many objects there are. */
  readonly count: number;
  /** All rows as objects, made when first asked for; what runs over many objects reads columns instead. */
  readonly rows: CatalogueRow[];
  /** One row, as an object that reads its columns where they lie. */
  row(index: number): CatalogueRow;
  /** The user's columns: name and type; of those that were computed also unit and meaning. */
  readonly columns: {
    name: string;
    type: "string" | "number" | "boolean";
    unit?: string;
    about?: string;
    ucd?: string;
  }[];
  readonly problems: Problem[];
  indexOf(id: string): number | undefined;
  /** A whole column by name, reserved ones (`id`, `ra`, `dec`) too; undefined where there is none. */
  column(name: string): CatalogueColumn | undefined;
  /** The catalogue's memory, for `openSurvey` in another thread of this process. */
  readonly shared: SharedCatalogue;
  readStamp(index: number): Promise<Stamp>;
  /** The bytes that are kept of a stamp; of a `drawn` one, the recipe of its pixels as JSON. */
  readStampBytes(index: number): { codec: Codec; bytes: Uint8Array };
  close(): void;
}

/** A column of the survey's catalogue by name. Throws COLUMN_MISSING with the names there are. */
export function columnOf(survey: Pick<Survey, "folder" | "columns">, name: string): Survey["columns"][number] {
  const found = survey.columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  const names = survey.columns.map((column) => column.name);
  throw new SkyloopError(
    "COLUMN_MISSING",
    `${survey.folder} has no column ${name}; ${names.length === 0 ? "its catalogue has no columns of yours: make it with --labels" : `it has ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""}`}`,
  );
}

/** A catalogue's columns and its index of ids, in memory that threads share. */
export interface SharedCatalogue {
  columns: { name: string; type: CellType; data: ColumnData }[];
  ids: Uint32Array;
}

async function readCatalogue(folder: string, count: number, only?: readonly string[]): Promise<CatalogueColumn[]> {
  const path = join(folder, "catalogue.parquet");
  const builders: ColumnBuilder[] = [];
  let read = 0;
  try {
    closeSync(openToRead(path));
    await readParquetBlocks(
      path,
      (block, columns) => {
        if (builders.length === 0)
          builders.push(...columns.map(({ name, type }) => new ColumnBuilder(name, type, count)));
        read += block[0]?.length ?? 0;
        if (read <= count) for (const [i, values] of block.entries()) builders[i].push(values);
      },
      only,
    );
  } catch (cause) {
    if (cause instanceof SkyloopError) throw cause;
    throw new SkyloopError("SURVEY_BROKEN", `${path} cannot be read: ${messageOf(cause)}; make the survey again`, {
      cause,
    });
  }
  if (read !== count)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${folder}: the catalogue has ${read} rows, survey.json says ${count}; make the survey again`,
    );
  return builders.map((builder) => builder.build());
}

/** Opens a survey. Throws SURVEY_MISSING or SURVEY_BROKEN. */
export function openSurvey(folder: string): Promise<Survey> {
  return openWith(folder);
}

/**
 * Opens a survey without the columns that the user brought, which may be most of its catalogue: for who needs ids,
 * positions and stamps alone. Throws as `openSurvey`.
 */
export function openSurveyStamps(folder: string): Promise<Survey> {
  return openWith(folder, undefined, RESERVED_COLUMNS);
}

/** Opens a survey in a second thread, over the catalogue that the first has read. Throws as `openSurvey`. */
export function openSharedSurvey(folder: string, shared: SharedCatalogue): Promise<Survey> {
  return openWith(folder, shared);
}

/** The header of a survey folder. Throws SURVEY_MISSING or SURVEY_BROKEN. */
export function readSurveyHeader(folder: string): SurveyHeader {
  recoverReplacement(folder);
  const headerPath = join(folder, "survey.json");
  if (!existsSync(headerPath))
    throw new SkyloopError(
      "SURVEY_MISSING",
      `${folder} is no survey (no survey.json); make one with \`skyloop survey create ${folder} --images DIR\``,
    );
  const parsed = SurveyHeader.safeParse(readJson(headerPath));
  if (!parsed.success)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${headerPath} is not a survey header of this version: ${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}; make the survey again`,
    );
  return parsed.data;
}

async function openWith(folder: string, shared?: SharedCatalogue, only?: readonly string[]): Promise<Survey> {
  const header = readSurveyHeader(folder);
  const { count } = header;
  const all =
    shared?.columns.map(({ name, type, data }) => columnOver(name, type, data)) ??
    (await readCatalogue(folder, count, only));
  const table = new Map(all.map((column) => [column.name, column]));
  const missing = RESERVED_COLUMNS.filter((name) => !table.has(name));
  if (missing.length > 0)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${folder}: the catalogue lacks ${missing.join(", ")}; make the survey again`,
    );

  const reserved = new Set<string>(RESERVED_COLUMNS);
  const users = all.filter(({ name }) => !reserved.has(name));
  const rowOf = (index: number) => new Row(table, users, index);
  let rows: CatalogueRow[] | null = null;
  const ids = new IdIndex(table.get("id") as CatalogueColumn, shared?.ids);
  const files = new Map<number, number>();
  let problems: Problem[] | null = null;

  let drawer: StampDrawer | null = null;
  const draw = (index: number): Promise<Float32Array> => {
    drawer ??= new StampDrawer(simulationOf(folder, header));
    return drawer.draw(rowOf(index).offset);
  };

  const readBytes = (index: number): Uint8Array => {
    const { pack, offset, bytes, id, codec } = rowOf(index);
    if (codec === "drawn") return Buffer.from(JSON.stringify([simulationOf(folder, header), offset]));
    let file = files.get(pack);
    if (file === undefined) {
      file = openPack(join(folder, "stamps", `${String(pack).padStart(4, "0")}.pack`));
      files.set(pack, file);
    }
    const cut = () =>
      new SkyloopError("SURVEY_BROKEN", `${folder}: pack ${pack} ends before stamp ${id}; make the survey again`);
    // A damaged catalogue may claim any length.
    if (!(bytes >= 0 && bytes <= fstatSync(file).size)) throw cut();
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const got = readSync(file, buffer, done, bytes - done, offset + done);
      if (got === 0) throw cut();
      done += got;
    }
    return buffer;
  };

  return {
    folder,
    name: basename(folder),
    header,
    count,
    get rows() {
      rows ??= Array.from({ length: count }, (_, index) => rowOf(index));
      return rows;
    },
    row: rowOf,
    columns: users.map(({ name, type }) => ({ name, type: type === "integer" ? "number" : type })),
    get problems() {
      problems ??= readProblems(join(folder, "problems.json"));
      return problems;
    },
    indexOf: (id) => ids.row(id),
    column: (name) => table.get(name),
    shared: { columns: all.map(({ name, type, data }) => ({ name, type, data })), ids: ids.table },
    async readStamp(index) {
      const { id, codec, widthPx, heightPx } = rowOf(index);
      const data = codec === "drawn" ? await draw(index) : await pixelsOf(codec, readBytes(index));
      return { id, index, kind: header.kind, bands: header.bands, unit: header.unit, widthPx, heightPx, data };
    },
    readStampBytes: (index) => ({ codec: rowOf(index).codec, bytes: readBytes(index) }),
    close() {
      for (const file of files.values()) closeSync(file);
      files.clear();
      void drawer?.close();
      drawer = null;
    },
  };
}

/** What could not be taken in. A survey whose list of that is damaged serves all the same, and says so there. */
function readProblems(path: string): Problem[] {
  if (!existsSync(path)) return [];
  try {
    const parsed = Problem.array().safeParse(readJson(path));
    if (parsed.success) return parsed.data;
  } catch {
    // No JSON.
  }
  return [{ source: "problems.json", code: "BAD_JSON", message: "the list of problems is damaged", kept: true }];
}

function openPack(path: string): number {
  try {
    return openToRead(path);
  } catch (cause) {
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${path}, where stamps are kept, cannot be read: ${messageOf(cause)}; put it back, or make the survey again`,
      { cause },
    );
  }
}

async function pixelsOf(codec: Codec, bytes: Uint8Array): Promise<Float32Array> {
  return codec === "f32"
    ? new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / 4)
    : await decodePicture(bytes);
}

function simulationOf(folder: string, { simulation }: SurveyHeader): Simulation {
  if (simulation !== undefined) return simulation;
  throw new SkyloopError(
    "SURVEY_BROKEN",
    `${folder}: its stamps are drawn, but survey.json does not say from what; make the survey again`,
  );
}

/** A row that reads its columns where they lie, so that 200,000 of them stay small. */
class Row implements CatalogueRow {
  readonly #table: Map<string, CatalogueColumn>;
  readonly #users: CatalogueColumn[];
  readonly #index: number;

  constructor(table: Map<string, CatalogueColumn>, users: CatalogueColumn[], index: number) {
    this.#table = table;
    this.#users = users;
    this.#index = index;
  }
  #of<T>(name: string): T {
    return (this.#table.get(name) as CatalogueColumn).at(this.#index) as T;
  }
  get id() {
    return this.#of<string>("id");
  }
  get raDeg() {
    return this.#of<number | null>("ra");
  }
  get decDeg() {
    return this.#of<number | null>("dec");
  }
  get source() {
    return this.#of<string>("source");
  }
  get pack() {
    return this.#of<number>("pack");
  }
  get offset() {
    return this.#of<number>("offset");
  }
  get bytes() {
    return this.#of<number>("bytes");
  }
  get codec() {
    return this.#of<Codec>("codec");
  }
  get widthPx() {
    return this.#of<number>("width");
  }
  get heightPx() {
    return this.#of<number>("height");
  }
  get quality() {
    return this.#of<number>("quality");
  }
  get columns() {
    return Object.fromEntries(this.#users.map((column) => [column.name, column.at(this.#index)]));
  }
}

/**
 * The bytes of a JPEG, PNG or WebP file to [3, H, W] in [0, 1]; grey is repeated, transparency dropped, 16-bit kept as
 * fine as it is.
 */
export async function decodePicture(bytes: Uint8Array): Promise<Float32Array> {
  const { values, channels, widthPx, heightPx, white } = await rawPicture(bytes);
  const N = widthPx * heightPx;
  const out = new Float32Array(3 * N);
  for (let c = 0; c < 3; c++) {
    const from = Math.min(c, channels - 1);
    for (let p = 0; p < N; p++) out[c * N + p] = values[p * channels + from] * (1 / white);
  }
  return out;
}
