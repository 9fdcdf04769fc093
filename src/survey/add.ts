/** More images for a survey that stands. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { findImages, takeAll } from "./create.ts";
import { type ImageFiles, idsByName, imageNamesOf, sourceOfGroup } from "./files.ts";
import { openSurvey, type Survey, SurveyWriter } from "./folder.ts";
import { readLabels } from "./labels.ts";
import { type Keeping, realPath } from "./replace.ts";

/** What `addImages` adds, and to which survey. */
export interface AddOptions {
  /** Folder of the survey. */
  to: string;
  images: string;
  labels?: string;
  keeping: Keeping;
  command: string;
  progress: Progress;
}

/**
 * Adds the images of a folder to a survey: its rows, labels, sessions and features stay, images that it has already are
 * passed over. Returns how many were added. Throws as `createSurvey`, and KIND_DIFFERS, SURVEY_MISSING, SURVEY_IN_USE.
 */
export async function addImages(options: AddOptions): Promise<{ added: number; known: number; refused: number }> {
  const { folder, found, hdf5, kind } = await findImages(options.images);
  const names = imageNamesOf(found);
  const labels = await readLabels(folder, options.labels, names);
  const before = await openSurvey(options.to);
  const { header } = before;
  const taken = header.imagesFolder === folder ? sourcesOf(before) : new Set<string>();
  before.close();
  const { fresh, known: skipped } = notIn(taken, found);
  const files = fresh.pictures.length + fresh.fits.length + fresh.hdf5.length;
  if (files === 0) return { added: 0, known: skipped, refused: 0 };
  if (header.kind !== kind)
    throw new SkyloopError(
      "KIND_DIFFERS",
      `${options.to} is a survey of ${header.kind === "flux" ? "flux (FITS, HDF5)" : "pictures"}, ${options.images} holds ${kind === "flux" ? "flux" : "pictures"}; make a survey of its own of it`,
    );
  // Rows of images that are in the survey are no rows without an image.
  const read = new Set(imageNamesOf(fresh).map(([name]) => name));
  for (const [name] of names) if (!read.has(name)) labels?.take(name);
  const writer = await SurveyWriter.adding(options.to, options.command, options.keeping);
  try {
    writer.forgetProblems(new Set([...fresh.pictures, ...fresh.fits.map(sourceOfGroup), ...fresh.hdf5]));
    const said = writer.problemCount;
    const images = { folder, found: fresh, hdf5: hdf5.filter(({ file }) => fresh.hdf5.includes(file)) };
    await takeAll(images, header, idsByName(names), labels, writer, options.progress);
    const { added, known } = writer.taken;
    const result = { added, known: known + skipped, refused: writer.problemCount - said };
    if (added === 0) writer.abort();
    else await writer.finish();
    return result;
  } catch (error) {
    writer.abort();
    throw error;
  }
}

/** The files that the rows of a survey came from. */
function sourcesOf(survey: Survey): Set<string> {
  const sources = new Set<string>();
  for (let row = 0; row < survey.count; row++) sources.add(survey.row(row).source.replace(/\[\d+\]$/, ""));
  return sources;
}

/** What was found but for the files that were taken in: those are not even decoded again. */
function notIn(taken: Set<string>, found: ImageFiles): { fresh: ImageFiles; known: number } {
  const isNew = (source: string) => !taken.has(source);
  const fresh: ImageFiles = {
    pictures: found.pictures.filter(isNew),
    fits: found.fits.filter((group) => isNew(sourceOfGroup(group))),
    hdf5: found.hdf5.filter(isNew),
    problems: found.problems.filter(({ source }) => isNew(source)),
  };
  const count = ({ pictures, fits, hdf5 }: ImageFiles) => pictures.length + fits.length + hdf5.length;
  return { fresh, known: count(found) - count(fresh) };
}

/**
 * Whether a survey is of this folder of images: as its header says, or (where that folder is gone, or the survey is
 * older than such words) because the files of some of its rows lie there, with the same bytes where it keeps them.
 */
export async function isSurveyOf(survey: string, images: string): Promise<boolean> {
  const folder = resolve(images);
  const opened = await openSurvey(survey);
  try {
    const named = opened.header.imagesFolder;
    if (named !== undefined && existsSync(named)) return realPath(named) === realPath(folder);
    if (opened.header.seed !== null) return false;
    const step = Math.max(1, Math.floor(opened.count / 20));
    for (let row = 0; row < opened.count; row += step) {
      const path = join(
        folder,
        opened
          .row(row)
          .source.replace(/\[\d+\]$/, "")
          .split(", ")[0],
      );
      if (!existsSync(path)) return false;
      const { codec, bytes } = opened.readStampBytes(row);
      if (codec !== "f32" && Buffer.compare(readFileSync(path), bytes) !== 0) return false;
    }
    return true;
  } finally {
    opened.close();
  }
}
