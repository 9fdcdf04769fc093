/** A survey folder as others read it (layout: contract/survey.ts). */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { readJson } from "../base/files.ts";
import { type CatalogueRow, type Codec, type Problem, RESERVED_COLUMNS, SurveyHeader } from "../contract/survey.ts";
import { readParquet, type TableColumn } from "./duck.ts";
import { recoverReplacement } from "./replace.ts";

export { type NewStamp, type SurveyOptions, SurveyWriter } from "./writer.ts";

/**
 * One object's pixels, [bands, H, W]. Colour: values in [0, 1] as decoded, top row first. Flux: in `unit`, rows as in
 * the FITS file (row 0 is the bottom), NaN where there is no measurement.
 */
export interface Stamp {
  id: string;
  index: number;
  kind: "flux" | "colour";
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
  readonly rows: CatalogueRow[];
  /** The user's columns: name and type. */
  readonly columns: { name: string; type: "string" | "number" | "boolean" }[];
  readonly problems: Problem[];
  indexOf(id: string): number | undefined;
  /** A whole column by name, reserved ones (`id`, `ra`, `dec`) too; one value a row. */
  values(name: string): ArrayLike<unknown>;
  readStamp(index: number): Promise<Stamp>;
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

/** Opens a survey. Throws SURVEY_MISSING or SURVEY_BROKEN. */
export async function openSurvey(folder: string): Promise<Survey> {
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
  const header = parsed.data;
  const table = new Map(
    (
      await readParquet(join(folder, "catalogue.parquet")).catch((cause) => {
        throw new SkyloopError(
          "SURVEY_BROKEN",
          `${join(folder, "catalogue.parquet")} cannot be read: ${messageOf(cause)}; make the survey again`,
          { cause },
        );
      })
    ).map((column) => [column.name, column]),
  );
  const missing = RESERVED_COLUMNS.filter((name) => !table.has(name));
  const count = table.get("id")?.values.length ?? 0;
  if (missing.length > 0 || count !== header.count)
    throw new SkyloopError(
      "SURVEY_BROKEN",
      `${folder}: the catalogue ${missing.length > 0 ? `lacks ${missing.join(", ")}` : `has ${count} rows, survey.json says ${header.count}`}; make the survey again`,
    );

  const reserved = new Set<string>(RESERVED_COLUMNS);
  const users = [...table.values()].filter(({ name }) => !reserved.has(name));
  const rows = Array.from({ length: count }, (_, i) => new Row(table, users, i));
  const places = new Map(rows.map((row, i) => [row.id, i]));
  const files = new Map<number, number>();
  let problems: Problem[] | null = null;

  const readBytes = (index: number): Uint8Array => {
    const { pack, offset, bytes } = rows[index];
    let file = files.get(pack);
    if (file === undefined) {
      file = openSync(join(folder, "stamps", `${String(pack).padStart(4, "0")}.pack`), "r");
      files.set(pack, file);
    }
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const got = readSync(file, buffer, done, bytes - done, offset + done);
      if (got === 0)
        throw new SkyloopError(
          "SURVEY_BROKEN",
          `${folder}: pack ${pack} ends before stamp ${rows[index].id}; make the survey again`,
        );
      done += got;
    }
    return buffer;
  };

  return {
    folder,
    name: basename(folder),
    header,
    rows,
    columns: users.map(({ name, type }) => ({ name, type: type === "integer" ? "number" : type })),
    get problems() {
      problems ??= existsSync(join(folder, "problems.json"))
        ? (readJson(join(folder, "problems.json")) as Problem[])
        : [];
      return problems;
    },
    indexOf: (id) => places.get(id),
    values: (name) => table.get(name)?.values ?? [],
    async readStamp(index) {
      const { id, codec, widthPx, heightPx } = rows[index];
      const bytes = readBytes(index);
      const data =
        codec === "f32" ? new Float32Array(bytes.buffer, 0, bytes.byteLength / 4) : await decodePicture(bytes);
      return { id, index, kind: header.kind, bands: header.bands, unit: header.unit, widthPx, heightPx, data };
    },
    readStampBytes: (index) => ({ codec: rows[index].codec, bytes: readBytes(index) }),
    close() {
      for (const file of files.values()) closeSync(file);
      files.clear();
    },
  };
}

/** A row that reads its columns where they lie, so that 200,000 of them stay small. */
class Row implements CatalogueRow {
  readonly #table: Map<string, TableColumn>;
  readonly #users: TableColumn[];
  readonly #index: number;

  constructor(table: Map<string, TableColumn>, users: TableColumn[], index: number) {
    this.#table = table;
    this.#users = users;
    this.#index = index;
  }
  #of<T>(name: string): T {
    return (this.#table.get(name) as TableColumn).values[this.#index] as T;
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
    return Object.fromEntries(this.#users.map(({ name, values }) => [name, values[this.#index]]));
  }
}

/**
 * The bytes of a JPEG, PNG or WebP file to [3, H, W] in [0, 1]; grey is repeated, transparency dropped, 16-bit kept as
 * fine as it is.
 */
export async function decodePicture(bytes: Uint8Array): Promise<Float32Array> {
  const image = sharp(bytes, { failOn: "error" });
  const deep = (await image.metadata()).depth === "ushort";
  const { data, info } = await image
    .removeAlpha()
    .toColourspace(deep ? "rgb16" : "srgb")
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const values = deep ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  const N = info.width * info.height;
  const scale = 1 / (deep ? 65535 : 255);
  const out = new Float32Array(3 * N);
  for (let c = 0; c < 3; c++) {
    const from = Math.min(c, info.channels - 1);
    for (let p = 0; p < N; p++) out[c * N + p] = values[p * info.channels + from] * scale;
  }
  return out;
}
