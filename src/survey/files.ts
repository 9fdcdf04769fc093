/** Finding the image files of a folder and sorting them by what they are. */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Problem } from "../contract/survey.ts";
import { type FitsGroup, groupFits } from "./fits-groups.ts";
import { stemOf, withoutEnding } from "./join.ts";

/** The image files of a folder, sorted by kind, relative to it. */
export interface ImageFiles {
  pictures: string[];
  /** FITS files of one object: one file, or one a band by band name. */
  fits: FitsGroup[];
  hdf5: string[];
  problems: Problem[];
}

/**
 * All files below `folder`, relative to it, sorted; links to folders are followed once each. Hidden files and folders,
 * and surveys of ours, are passed over; what may not be read is a problem.
 */
export function listFiles(folder: string): { files: string[]; problems: Problem[] } {
  const files: string[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const visit = (below: string) => {
    try {
      const real = realpathSync(join(folder, below));
      if (seen.has(real)) return;
      seen.add(real);
      const entries = readdirSync(join(folder, below), { withFileTypes: true });
      if (below !== "" && entries.some(({ name }) => name === "survey.json")) return;
      for (const entry of entries) {
        if (entry.name.startsWith(".")) continue;
        const path = join(below, entry.name);
        const isFolder = entry.isSymbolicLink()
          ? statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === true
          : entry.isDirectory();
        if (isFolder) visit(path);
        else files.push(path);
      }
    } catch (cause) {
      problems.push({ source: below || ".", code: "FILE_UNREADABLE", message: messageOf(cause), kept: false });
    }
  };
  visit("");
  return { files: files.sort(), problems };
}

/** The names of each image below its folder: its path, or for one file a band the object's path and each file's. */
export function imageNamesOf({ pictures, fits }: ImageFiles): string[][] {
  return [...pictures.map((file) => [file]), ...fits.map(nameOfGroup)];
}

/** The names of an object of FITS files, the first of them its own. */
export function nameOfGroup({ stem, files }: ImageFiles["fits"][number]): string[] {
  const all = files.map(({ file }) => file);
  return all.length > 1 ? [`${join(dirname(all[0]), stem)}.fits`, ...all] : all;
}

/** What the catalogue says an object of FITS files comes from. */
export const sourceOfGroup = ({ files }: ImageFiles["fits"][number]) => files.map(({ file }) => file).join(", ");

/**
 * Ids for images without a row: the file's name without its ending, with its folders where several files have one name,
 * with the ending where that is all that differs.
 */
export function idsByName(names: string[][]): (file: string) => string {
  const counts = new Map<string, number>();
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const [file] of names) {
    const [stem, path] = [stemOf(file), withoutEnding(file)];
    count(`stem ${stem}`);
    count(`path ${path}`);
  }
  return (file) => {
    const [stem, path] = [stemOf(file), withoutEnding(file)];
    if ((counts.get(`stem ${stem}`) ?? 0) < 2) return stem;
    return (counts.get(`path ${path}`) ?? 0) < 2 ? path : file;
  };
}

/** Sorts files by their endings; what is no image is named as a problem, tables and texts beside images are not. */
export function sortFiles({ files, problems }: ReturnType<typeof listFiles>): ImageFiles {
  const found: ImageFiles = { pictures: [], fits: [], hdf5: [], problems: [...problems] };
  const fits: string[] = [];
  for (const file of files) {
    const name = file.toLowerCase();
    if (/\.(jpe?g|png|webp)$/.test(name)) found.pictures.push(file);
    else if (/\.(hdf5|h5)$/.test(name)) found.hdf5.push(file);
    else if (/\.(fits?|fits?\.(gz|bz2|fz)|fz)$/.test(name)) fits.push(file);
    else if (!/\.(csv|tsv|txt|md|json|parquet|xml|ya?ml|pdf|html?)$/.test(name))
      found.problems.push({
        source: file,
        code: "NOT_AN_IMAGE",
        message: /\.np[yz]$/.test(name)
          ? "NumPy arrays carry no header; convert to FITS (astropy.io.fits.writeto)"
          : "not a JPEG, PNG, WebP, FITS or HDF5 file by its ending",
        kept: false,
      });
  }
  const grouped = groupFits(fits);
  found.fits = grouped.groups;
  found.problems.push(...grouped.problems);
  return found;
}
