/** A folder of images to a survey: every file is taken in, or named with the reason why not. */
import { existsSync, lstatSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { messageOf, SkyloopError } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import type { Progress } from "../base/progress.ts";
import type { PixelKind, Problem, SurveyHeader } from "../contract/survey.ts";
import { bandOfText } from "./bands.ts";
import { decodeWidth } from "./decode/index.ts";
import { type ImageFiles, idsByName, imageNamesOf, listFiles, sortFiles } from "./files.ts";
import { type ChooseCrop, type NewStamp, SurveyWriter } from "./folder.ts";
import type { Hdf5File } from "./hdf5.ts";
import { withoutEnding } from "./join.ts";
import { type Labels, positionInName, readLabels } from "./labels.ts";
import { readPicture } from "./pictures.ts";
import type { Keeping } from "./replace.ts";
import { UNKNOWN_UNIT } from "./units.ts";

/** A new survey at `out` from the folder `images`, with `labels` joined by id or file name. */
export interface CreateOptions {
  out: string;
  images: string;
  labels?: string;
  title?: string;
  /** Whether models see stamps cropped to the galaxy; a function decides it from the finished survey. */
  adaptiveCrop: boolean | ChooseCrop;
  /** Bands to take from FITS, in this order; found in the files where not given. */
  bands?: string[];
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  progress: Progress;
}

/** The images of a folder, as they are taken in. */
export interface FoundImages {
  folder: string;
  found: ImageFiles;
  /** The HDF5 files, opened; those that cannot be are problems of `found`. */
  hdf5: Hdf5File[];
  kind: PixelKind;
}

/** The images of a folder, sorted. Throws IMAGES_MISSING, MIXED_KINDS. */
export async function findImages(given: string): Promise<FoundImages> {
  const folder = resolve(given);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new SkyloopError("IMAGES_MISSING", `--images needs a folder, ${given} is none; check the path`);
  const found = sortFiles(listFiles(folder));
  const hdf5: Hdf5File[] = [];
  for (const file of found.hdf5) {
    const opened = await (await import("./hdf5.ts")).openHdf5(folder, file);
    if ("code" in opened) found.problems.push(opened);
    else hdf5.push(opened);
  }
  found.hdf5 = hdf5.map(({ file }) => file);
  const pictures = found.pictures.length + hdf5.filter(({ head }) => head.kind === "colour").length;
  const flux = found.fits.length + found.pictures.length + hdf5.length - pictures;
  if (flux > 0 && pictures > 0)
    throw new SkyloopError(
      "MIXED_KINDS",
      `${given} holds ${pictures} files of pictures and ${flux} of flux; put them into two folders and make two surveys: colours cannot be turned back into flux`,
    );
  return { folder, found, hdf5, kind: flux > 0 ? "flux" : "colour" };
}

/**
 * Makes the survey and returns its header. Throws IMAGES_MISSING, MIXED_KINDS, NO_STAMPS, DISK_FULL and what
 * `SurveyWriter` throws.
 */
export async function createSurvey(options: CreateOptions): Promise<SurveyHeader> {
  const images = await findImages(options.images);
  const { folder, found, hdf5, kind } = images;
  const names = imageNamesOf(found);
  const labels = await readLabels(folder, options.labels, names);
  const inputs = [folder, ...(options.labels === undefined ? [] : [options.labels]), ...linked(folder, found)];
  const replacing = options.replace === undefined ? null : { keeping: options.replace, inputs };
  const facts =
    found.fits.length + hdf5.length === 0
      ? null
      : await (await import("./flux.ts")).findFluxFacts(folder, found.fits, hdf5);
  const wanted = kind === "flux" ? options.bands?.map((name) => bandOfText(name) ?? name) : undefined;
  const bands = wanted ?? facts?.bands ?? ["r", "g", "b"];
  const unit = kind === "flux" ? (facts?.unit ?? UNKNOWN_UNIT) : "colour";
  const writer = new SurveyWriter(
    options.out,
    {
      title: options.title ?? basename(folder),
      kind,
      bands,
      unit,
      pixelScaleArcsec: facts?.pixelScaleArcsec ?? null,
      adaptiveCrop: options.adaptiveCrop,
      seed: null,
      command: options.command,
      imagesFolder: folder,
    },
    replacing,
  );
  try {
    await takeAll(images, { bands, unit }, idsByName(names), labels, writer, options.progress);
    return await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
}

/** Takes in all of the images that were found. */
export async function takeAll(
  { folder, found, hdf5 }: Omit<FoundImages, "kind">,
  facts: { bands: string[]; unit: string },
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
    if (found.fits.length + hdf5.length > 0) {
      const { readFluxStamps } = await import("./flux.ts");
      for await (const item of readFluxStamps(folder, found, hdf5, facts, intake, progress)) take(item);
    }
    labels?.problems().forEach(problem);
  } finally {
    progress.end();
  }
}

/** Images that are links lie where those lead. */
function linked(folder: string, { pictures, fits, hdf5 }: ImageFiles): string[] {
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
  let done = 0;
  for await (const [file, picture] of inOrder(files, decodeWidth(), (file) => readPicture(folder, file))) {
    if ("code" in picture) take(picture);
    else take({ ...picture, ...describeFile(file, intake) });
    progress.update(++done, files.length);
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
