import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "../base/checksum.ts";
import { SkyloopError } from "../base/errors.ts";
import { hashFile, writeError, writeFileAtomic } from "../base/files.ts";
import { lockFolder } from "../base/lock.ts";
import type { Codec, PixelKind, Problem, Simulation, SurveyHeader } from "../contract/survey.ts";
import { catalogueTable, copyOf, type Placed, type StampRow } from "./catalogue-table.ts";
import { writeColumns } from "./duck.ts";
import { openSurvey, type Survey } from "./folder.ts";
import { faultOfId, idInstead } from "./ids.ts";
import { PackFile } from "./pack-file.ts";
import {
  beginPartial,
  checkReplaceable,
  clearReplacement,
  type Keeping,
  linkOrCopy,
  lockOf,
  partialOf,
  placeInstead,
  placeNew,
  realPath,
} from "./replace.ts";
import { oldRowsOf } from "./same-rows.ts";
import { WorkJournal } from "./work-journal.ts";

const PACK_BYTES = 2 ** 30;
const packName = (pack: number) => `${String(pack).padStart(4, "0")}.pack`;

/** Decides whether the stamps of a survey are cropped to the galaxy before a model sees them. */
export type ChooseCrop = (survey: Survey) => Promise<boolean>;

/** What the header of a new survey says. */
export interface SurveyOptions {
  title: string;
  kind: PixelKind;
  bands: string[];
  unit: string;
  pixelScaleArcsec: number | null;
  /** Whether models see stamps cropped to the galaxy; a function decides it from the finished survey. */
  adaptiveCrop: boolean | ChooseCrop;
  seed: number | null;
  command: string;
  /** Folder of images that the survey is of, as an absolute path. */
  imagesFolder?: string;
  /** What `drawn` stamps are made from. */
  simulation?: Simulation;
  /** All that the stamps follow from: a run that was killed is gone on with by one of the same (`addWritten`). */
  request?: Record<string, unknown>;
}

/** The survey that stands under the name is replaced; what it hands on, and the files that must not lie in it. */
export interface Replacing {
  keeping: Keeping;
  inputs: string[];
}

/** An object to add to a survey: its pixels as bytes of `codec`, position, source and columns. */
export type NewStamp = StampRow & {
  /** Names that the object may have where its id is another one's: files that are called alike. */
  otherIds?: string[];
} & (
    | { codec: "f32"; data: Float32Array }
    | { codec: Exclude<Codec, "f32" | "drawn">; bytes: Uint8Array }
    /** Number of the galaxy in the survey's simulation. */
    | { codec: "drawn"; galaxy: number }
  );

/** What the journal says of a stamp: its bytes and their CRC-32. */
type WrittenStamp = [byteCount: number, sum: number];

/**
 * Builds a survey folder in `OUT.partial` and renames it to `OUT` when it is finished: a killed run leaves nothing
 * half-made under the final name, and the next run clears what it left. A survey that stands there is replaced only
 * where that is asked for, and only by a finished one. With a `request`, a run of the same one goes on with what was
 * left. Throws SURVEY_EXISTS, NOT_A_SURVEY, OUT_HOLDS_INPUT, LOCKED, FOLDER_IN_THE_WAY, SIMULATION_DIFFERS, DISK_FULL.
 */
export class SurveyWriter {
  readonly #out: string;
  readonly #partial: string;
  readonly #options: SurveyOptions;
  readonly #replacing: Replacing | null;
  readonly #release: () => void;
  readonly #rows: Placed[] = [];
  /** Row of each id. */
  readonly #ids = new Map<string, number>();
  #problems: Problem[] = [];
  #before: Survey | null = null;
  #known = 0;
  readonly #hash = createHash("sha256");
  #pack = -1;
  #file: PackFile | null = null;
  readonly #journal: WorkJournal<WrittenStamp> | null;
  /** Packs that are full, on their way to the disk. */
  readonly #full: Promise<void>[] = [];

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
      const { command, request } = options;
      beginPartial(this.#out, request === undefined ? null : { command, request });
      this.#journal = request === undefined ? null : new WorkJournal(this.#partial);
    } catch (cause) {
      this.#release();
      throw writeError(this.#partial, cause);
    }
  }

  /**
   * A writer that adds to the survey at `out`, which keeps its rows and their order. `add` passes over a stamp that is
   * in it already. Throws as the constructor, and SURVEY_MISSING, SURVEY_BROKEN.
   */
  static async adding(out: string, command: string, keeping: Keeping): Promise<SurveyWriter> {
    const before = await openSurvey(realPath(out));
    try {
      const { title, kind, bands, unit, pixelScaleArcsec, adaptiveCrop, seed, imagesFolder, simulation } =
        before.header;
      const look = { title, kind, bands, unit, pixelScaleArcsec, adaptiveCrop };
      const options = { ...look, seed, command, imagesFolder, simulation };
      const writer = new SurveyWriter(out, options, { keeping, inputs: [] });
      writer.#adopt(before);
      return writer;
    } catch (error) {
      before.close();
      throw error;
    }
  }

  /** Takes over the packs, rows and problems of a survey. */
  #adopt(before: Survey): void {
    this.#before = before;
    try {
      for (let i = 0; i < before.count; i++) {
        const { bytes, ...row } = copyOf(before.row(i));
        this.#ids.set(row.id, this.#rows.length);
        this.#rows.push({ ...row, byteCount: bytes });
        if (row.pack > this.#pack) {
          this.#pack = row.pack;
          const name = packName(row.pack);
          linkOrCopy(join(before.folder, "stamps", name), join(this.#partial, "stamps", name));
        }
      }
      this.#problems = [...before.problems];
      this.#hash.update(before.header.dataHash);
    } catch (cause) {
      this.abort();
      throw writeError(this.#partial, cause);
    }
  }

  get count(): number {
    return this.#rows.length;
  }

  /** Stamps that were added, and those passed over because the survey had them. */
  get taken(): { added: number; known: number } {
    return { added: this.#rows.length - (this.#before?.count ?? 0), known: this.#known };
  }

  /**
   * Appends one stamp. An id that cannot be one (ids.ts) is changed and named; a second stamp with the same id is not
   * taken but recorded as a problem.
   */
  add(given: NewStamp): void {
    const bytes = bytesOf(given);
    const id = this.#idFor(given);
    const names = [id, ...(given.otherIds ?? [])];
    if (names.some((name) => this.#hasAlready(name, given, bytes))) {
      this.#known++;
      return;
    }
    const free = names.find((name) => !this.#ids.has(name));
    if (free === undefined) {
      this.problem({
        source: given.source,
        code: "DUPLICATE_ID",
        message: `id ${id} stands already in the survey; the first one is kept`,
        kept: false,
      });
      return;
    }
    if (free !== id)
      this.problem({
        source: given.source,
        code: "ID_CHANGED",
        message: `another object is called ${id}; this one is called ${free}`,
        kept: true,
      });
    try {
      if (given.codec !== "drawn") this.#append(bytes);
    } catch (cause) {
      throw writeError(this.#partial, cause);
    }
    const place = given.codec === "drawn" ? { pack: 0, offset: given.galaxy, byteCount: 0 } : this.#placeOf(bytes);
    this.#place({ ...given, id: free }, given.codec, place);
  }

  /**
   * Adds a stamp whose bytes a run of the same request has brought into the packs before it was killed, in the order of
   * that run. False where it has not, or they are not whole: `add` that one and all after it.
   */
  addWritten(row: StampRow, codec: Exclude<Codec, "drawn">): boolean {
    const noted = this.#journal?.next;
    if (noted === undefined) return false;
    const [byteCount, sum] = noted;
    let bytes: Uint8Array | null;
    try {
      bytes = this.#packFor(byteCount).read(byteCount);
    } catch (cause) {
      throw writeError(this.#partial, cause);
    }
    if (bytes === null || crc32(bytes) !== sum) return false;
    this.#file?.take(byteCount);
    this.#journal?.accept();
    this.#hash.update(bytes);
    this.#place(row, codec, this.#placeOf(bytes));
    return true;
  }

  /** Of bytes that were appended last. */
  #placeOf({ length }: Uint8Array) {
    return { pack: this.#pack, offset: (this.#file?.length ?? 0) - length, byteCount: length };
  }

  #place(row: StampRow, codec: Codec, place: Pick<Placed, "pack" | "offset" | "byteCount">): void {
    const { id, raDeg, decDeg, source, quality, columns, widthPx, heightPx } = row;
    this.#ids.set(id, this.#rows.length);
    this.#rows.push({ id, raDeg, decDeg, source, quality, columns, widthPx, heightPx, codec, ...place });
  }

  /** Whether the survey that is added to has this stamp under this id. */
  #hasAlready(id: string, { codec, widthPx, heightPx }: NewStamp, bytes: Uint8Array): boolean {
    const at = this.#ids.get(id);
    if (this.#before === null || at === undefined || at >= this.#before.count) return false;
    const row = this.#rows[at];
    if (row.codec !== codec || row.byteCount !== bytes.length) return false;
    if (row.widthPx !== widthPx || row.heightPx !== heightPx) return false;
    return Buffer.compare(this.#before.readStampBytes(at).bytes, bytes) === 0;
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

  /** A file of the folder beside those that every survey has. */
  addFile(name: string, content: string): void {
    writeFileAtomic(join(this.#partial, name), content);
  }

  get problemCount(): number {
    return this.#problems.length;
  }

  /** Leaves out what was said of the files before, where they are read again. */
  forgetProblems(sources: Set<string>): void {
    this.#problems = this.#problems.filter(({ source }) => !sources.has(source));
  }

  /** Completes the folder and gives it its name. Throws NO_STAMPS with `remedy` where nothing was added. */
  async finish(remedy = "check --images"): Promise<SurveyHeader> {
    try {
      if (this.#rows.length === 0)
        throw new SkyloopError(
          "NO_STAMPS",
          `no stamp could be taken in${this.#problems.length > 0 ? ` (${this.#problems.length} problems, the first: ${this.#problems[0].source}: ${this.#problems[0].message})` : ""}; ${remedy}`,
        );
      this.#closePack();
      await Promise.all(this.#full);
      const { simulation } = this.#options;
      const catalogue = join(this.#partial, "catalogue.parquet");
      await writeColumns(catalogue, "parquet", catalogueTable(this.#rows));
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
        adaptiveCrop: this.#options.adaptiveCrop === true,
        ...(this.#options.imagesFolder === undefined ? {} : { imagesFolder: this.#options.imagesFolder }),
        ...(simulation === undefined ? {} : { simulation }),
        dataHash: this.#hash
          .update(simulation === undefined ? "" : JSON.stringify(simulation))
          .update(this.#rows.map(({ id }) => id).join("\n"))
          .update(await hashFile(catalogue))
          .digest("hex"),
      };
      writeFileAtomic(join(this.#partial, "problems.json"), `${JSON.stringify(this.#problems, null, 1)}\n`);
      const write = () => writeFileAtomic(join(this.#partial, "survey.json"), `${JSON.stringify(header, null, 2)}\n`);
      write();
      if (typeof this.#options.adaptiveCrop === "function") {
        const made = await openSurvey(this.#partial);
        header.adaptiveCrop = await this.#options.adaptiveCrop(made).finally(() => made.close());
        write();
      }
      if (this.#replacing === null) placeNew(this.#out);
      else placeInstead(this.#out, await this.#oldRows(), this.#replacing.keeping);
      this.#before?.close();
      this.#journal?.close();
      this.#release();
      return header;
    } catch (cause) {
      this.abort();
      throw writeError(this.#out, cause);
    }
  }

  async #oldRows(): Promise<Int32Array> {
    const { count } = this.#before ?? {};
    if (count === undefined) return await oldRowsOf(this.#out, this.#partial);
    return Int32Array.from(this.#rows, (_, row) => (row < count ? row : -1));
  }

  /** Gives up and removes what was written, unless it can be gone on with. */
  abort(): void {
    this.#file?.drop();
    this.#file = null;
    this.#before?.close();
    this.#journal?.close();
    try {
      if (this.#journal === null) rmSync(this.#partial, { recursive: true, force: true });
    } finally {
      this.#release();
    }
  }

  #append(bytes: Uint8Array): void {
    this.#packFor(bytes.length).append(bytes);
    this.#journal?.add([bytes.length, crc32(bytes)]);
    this.#hash.update(bytes);
  }

  /** The pack that the next bytes belong into. */
  #packFor(byteCount: number): PackFile {
    if (this.#file === null || this.#file.length + byteCount > PACK_BYTES) {
      this.#closePack();
      this.#pack++;
      this.#file = new PackFile(join(this.#partial, "stamps", packName(this.#pack)), this.#journal !== null);
    }
    return this.#file;
  }

  #closePack(): void {
    const closing = this.#file?.finish();
    this.#file = null;
    if (closing === undefined) return;
    // Asked for when the survey is finished.
    closing.catch(() => {});
    this.#full.push(closing);
  }
}

const NOTHING = new Uint8Array();

function bytesOf(given: NewStamp): Uint8Array {
  if (given.codec === "drawn") return NOTHING;
  if (given.codec !== "f32") return given.bytes;
  return new Uint8Array(given.data.buffer, given.data.byteOffset, given.data.byteLength);
}
