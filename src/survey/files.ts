/** Finding the image files of a folder and sorting them by what they are. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Problem } from "../contract/survey.ts";
import { stemOf } from "./labels.ts";

/** The image files of a folder, sorted by kind, relative to it. */
export interface Found {
  pictures: string[];
  /** FITS files of one object: one file, or one a band by band name. */
  fits: { stem: string; files: { file: string; band: string | null }[] }[];
  hdf5: string[];
  problems: Problem[];
}

const BAND_SUFFIX = /^(.+?)[-_.]([ugrizyYJHK])$/;

/** All files below `folder`, relative to it, sorted. Hidden files and folders are passed over. */
export function listFiles(folder: string): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length).replace(/^\//, "");
    if (!entry.isDirectory() && !path.split("/").some((part) => part.startsWith("."))) files.push(path);
  }
  return files.sort();
}

/** Sorts files by their endings; what is no image is named as a problem, tables and texts beside images are not. */
export function sortFiles(files: string[]): Found {
  const found: Found = { pictures: [], fits: [], hdf5: [], problems: [] };
  const groups = new Map<string, Found["fits"][number]>();
  for (const file of files) {
    const name = file.toLowerCase();
    if (/\.(jpe?g|png|webp)$/.test(name)) found.pictures.push(file);
    else if (/\.(hdf5|h5)$/.test(name)) found.hdf5.push(file);
    else if (/\.(fits?|fits?\.(gz|bz2|fz)|fz)$/.test(name)) {
      const split = BAND_SUFFIX.exec(stemOf(file));
      const stem = split === null ? stemOf(file) : split[1];
      const key = join(dirname(file), split === null ? basename(file) : stem);
      const group = groups.get(key) ?? { stem, files: [] };
      group.files.push({ file, band: split?.[2] ?? null });
      groups.set(key, group);
    } else if (!/\.(csv|tsv|txt|md|json|parquet|xml|ya?ml|pdf|html?)$/.test(name))
      found.problems.push({
        source: file,
        code: "NOT_AN_IMAGE",
        message: /\.np[yz]$/.test(name)
          ? "NumPy arrays carry no header; convert to FITS (astropy.io.fits.writeto)"
          : "not a JPEG, PNG, WebP, FITS or HDF5 file by its ending",
        kept: false,
      });
  }
  found.fits = [...groups.values()];
  return found;
}
