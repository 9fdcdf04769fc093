/** A folder of images to a survey: every file is taken in, or named with the reason why not. */
import { existsSync, lstatSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem, SurveyHeader } from "../contract/survey.ts";
import { type Found, idsByName, listFiles, namesOf, sortFiles } from "./files.ts";
import { type NewStamp, SurveyWriter } from "./folder.ts";
import { type Labels, positionInName, readLabels } from "./labels.ts";
import { readPicture } from "./pictures.ts";
import type { Keeping } from "./replace.ts";

/** A new survey at `out` from the folder `images`, with `labels` joined by id or file name. */
export interface CreateOptions {
  out: string;
  images: string;
  labels?: string;
  title?: string;
  adaptiveCrop: boolean;
  /** Bands to take from FITS, in this order; found in the files where not given. */
  bands?: string[];
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  progress: Progress;
}

/** Decoding goes on on so many files at once; sharp brings its own threads. */
const AT_ONCE = 8;

/**
 * Makes the survey and returns its header. Throws IMAGES_MISSING, MIXED_KINDS, NO_STAMPS, DISK_FULL and what
 * `SurveyWriter` throws.
 */
export async function createSurvey(options: CreateOptions): Promise<SurveyHeader> {
  const folder = resolve(options.images);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new SkyloopError("IMAGES_MISSING", `--images needs a folder, ${options.images} is none; check the path`);
  const found = sortFiles(listFiles(folder));
  const flux = found.fits.length + found.hdf5.length > 0;
  if (flux && found.pictures.length > 0)
    throw new SkyloopError(
      "MIXED_KINDS",
      `${options.images} holds ${found.pictures.length} pictures and ${found.fits.length + found.hdf5.length} flux files; put them into two folders and make two surveys: colours cannot be turned back into flux`,
    );
  const names = namesOf(found);
  const labels = await readLabels(folder, options.labels, names);
  const inputs = [folder, ...(options.labels === undefined ? [] : [options.labels]), ...linked(folder, found)];
  const replacing = options.replace === undefined ? null : { keeping: options.replace, inputs };
  const fluxReader = flux ? await import("./flux.ts") : null;
  const bands = fluxReader === null ? ["r", "g", "b"] : (options.bands ?? (await fluxReader.findBands(folder, found)));
  const writer = new SurveyWriter(
    options.out,
    {
      title: options.title ?? basename(folder),
      kind: flux ? "flux" : "colour",
      bands,
      unit: flux ? "nanomaggy" : "colour",
      pixelScaleArcsec: fluxReader === null ? null : await fluxReader.findPixelScale(folder, found),
      adaptiveCrop: options.adaptiveCrop,
      seed: null,
      command: options.command,
      imagesFolder: folder,
    },
    replacing,
  );
  try {
    for (const problem of found.problems) writer.problem(problem);
    const take = (item: NewStamp | Problem) => ("code" in item ? writer.problem(item) : writer.add(item));
    const intake: Intake = { labels, idOf: idsByName(names), problem: (problem) => writer.problem(problem) };
    if (fluxReader === null) await takePictures(folder, found.pictures, intake, options.progress, take);
    else for await (const item of fluxReader.readFluxStamps(folder, found, bands, intake, options.progress)) take(item);
    for (const problem of labels?.problems() ?? []) writer.problem(problem);
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    options.progress.end();
  }
}

/** Images that are links lie where those lead. */
function linked(folder: string, { pictures, fits, hdf5 }: Found): string[] {
  const files = [...pictures, ...hdf5, ...fits.flatMap((group) => group.files.map(({ file }) => file))];
  return files.map((file) => join(folder, file)).filter((path) => lstatSync(path).isSymbolicLink());
}

async function takePictures(
  folder: string,
  files: string[],
  intake: Intake,
  progress: Progress,
  take: (item: NewStamp | Problem) => void,
): Promise<void> {
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const part = files.slice(from, from + AT_ONCE);
    const pictures = await Promise.all(part.map((file) => readPicture(folder, file)));
    for (const [i, picture] of pictures.entries()) {
      if ("code" in picture) take(picture);
      else take({ ...picture, ...describeFile(part[i], intake) });
    }
    progress.update(Math.min(from + AT_ONCE, files.length), files.length);
  }
}

/** What is known of the files beside their pixels. */
export interface Intake {
  labels: Labels | null;
  /** Id of a file without a row. */
  idOf(file: string): string;
  problem(problem: Problem): void;
}

/** Id, position and columns of a file: from its row of the label table, else from its name. */
export function describeFile(
  file: string,
  { labels, idOf, problem }: Intake,
): Pick<NewStamp, "id" | "raDeg" | "decDeg" | "source" | "columns"> {
  const row = labels?.take(file);
  if (labels !== null && row === undefined)
    problem({
      source: file,
      code: "IMAGE_WITHOUT_ROW",
      message: "the label table has no row for this file; it is taken in without labels",
      kept: true,
    });
  const named = positionInName(file);
  return {
    id: row?.id ?? idOf(file),
    raDeg: row?.position.raDeg ?? named.raDeg,
    decDeg: row?.position.decDeg ?? named.decDeg,
    source: file,
    columns: row?.columns ?? {},
  };
}

/** A refusal of one file. */
export function refusal(source: string, code: string, cause: unknown): Problem {
  return { source, code, message: messageOf(cause).split("\n")[0], kept: false };
}
