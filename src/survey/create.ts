/** A folder of images to a survey: every file is taken in, or named with the reason why not. */
import { existsSync, lstatSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem, SurveyHeader } from "../contract/survey.ts";
import { type Found, idsByName, listFiles, namesOf, sortFiles } from "./files.ts";
import { type NewStamp, SurveyWriter } from "./folder.ts";
import { withoutEnding } from "./join.ts";
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

/** The images of a folder, sorted. Throws IMAGES_MISSING, MIXED_KINDS. */
export function findImages(given: string): { folder: string; found: Found; kind: "flux" | "colour" } {
  const folder = resolve(given);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new SkyloopError("IMAGES_MISSING", `--images needs a folder, ${given} is none; check the path`);
  const found = sortFiles(listFiles(folder));
  const flux = found.fits.length + found.hdf5.length;
  if (flux > 0 && found.pictures.length > 0)
    throw new SkyloopError(
      "MIXED_KINDS",
      `${given} holds ${found.pictures.length} pictures and ${flux} flux files; put them into two folders and make two surveys: colours cannot be turned back into flux`,
    );
  return { folder, found, kind: flux > 0 ? "flux" : "colour" };
}

/**
 * Makes the survey and returns its header. Throws IMAGES_MISSING, MIXED_KINDS, NO_STAMPS, DISK_FULL and what
 * `SurveyWriter` throws.
 */
export async function createSurvey(options: CreateOptions): Promise<SurveyHeader> {
  const { folder, found, kind } = findImages(options.images);
  const names = namesOf(found);
  const labels = await readLabels(folder, options.labels, names);
  const inputs = [folder, ...(options.labels === undefined ? [] : [options.labels]), ...linked(folder, found)];
  const replacing = options.replace === undefined ? null : { keeping: options.replace, inputs };
  const fluxReader = kind === "flux" ? await import("./flux.ts") : null;
  const bands = fluxReader === null ? ["r", "g", "b"] : (options.bands ?? (await fluxReader.findBands(folder, found)));
  const writer = new SurveyWriter(
    options.out,
    {
      title: options.title ?? basename(folder),
      kind,
      bands,
      unit: kind === "flux" ? "nanomaggy" : "colour",
      pixelScaleArcsec: fluxReader === null ? null : await fluxReader.findPixelScale(folder, found),
      adaptiveCrop: options.adaptiveCrop,
      seed: null,
      command: options.command,
      imagesFolder: folder,
    },
    replacing,
  );
  try {
    await takeAll(folder, found, bands, idsByName(names), labels, writer, options.progress);
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
}

/** Takes in all of the images that were found. */
export async function takeAll(
  folder: string,
  found: Found,
  bands: string[],
  idOf: (file: string) => string,
  labels: Labels | null,
  writer: SurveyWriter,
  progress: Progress,
): Promise<void> {
  const problem = (one: Problem) => writer.problem(one);
  const intake: Intake = { labels, idOf, problem, folderName: basename(folder) };
  const take = (item: NewStamp | Problem) => ("code" in item ? writer.problem(item) : writer.add(item));
  try {
    found.problems.forEach(problem);
    await takePictures(folder, found.pictures, intake, progress, take);
    if (found.fits.length + found.hdf5.length > 0) {
      const { readFluxStamps } = await import("./flux.ts");
      for await (const item of readFluxStamps(folder, found, bands, intake, progress)) take(item);
    }
    labels?.problems().forEach(problem);
  } finally {
    progress.end();
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
  /** Of the folder of images: tells files of one name in two folders apart. */
  folderName: string;
}

/** Id, position and columns of a file: from its row of the label table, else from its name. */
export function describeFile(
  file: string,
  { labels, idOf, problem, folderName }: Intake,
): Pick<NewStamp, "id" | "otherIds" | "raDeg" | "decDeg" | "source" | "columns"> {
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
    otherIds: row?.id === undefined ? [withoutEnding(file), file, `${folderName}/${file}`] : [],
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
