/** Which FITS files of a folder belong to one object (one file a band), and which are weight maps beside an image. */
import { basename, dirname, join } from "node:path";
import type { Problem } from "../contract/survey.ts";
import { type BandSplit, bandOfWord, bandsInFileName, imageKey, planeOfFileName } from "./bands.ts";
import { stemOf } from "./join.ts";

/** The files of one object. */
export interface FitsGroup {
  /** The object's name: the file's without its band, or its folder's where the file is called by its band alone. */
  stem: string;
  files: { file: string; band: string | null }[];
}

/** A way to read a band out of a path, the object's name without it, and what files of one object have in common. */
interface Way extends Pick<BandSplit, "band" | "plain"> {
  key: string;
  stem: string;
}

/** By the file's name (`obj_g`, `g_obj`, `g`), or by the folder's (`g/obj`). */
function waysOf(file: string): Way[] {
  const stem = stemOf(file);
  const [folder, above] = [basename(dirname(file)), dirname(dirname(file))];
  const ways = bandsInFileName(stem).map(({ band, rest, plain }) => ({
    band,
    plain,
    key: join(dirname(file), rest === "" ? "/" : rest),
    stem: rest === "" ? (folder === "." ? "image" : folder) : rest,
  }));
  const band = bandOfWord(folder);
  return band === null ? ways : [...ways, { band, plain: false, key: join(above, "/", stem), stem }];
}

/** Groups files (relative paths) by object; names what was left out because its name says that it is no image. */
export function groupFits(files: string[]): { groups: FitsGroup[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const images = new Set(files.filter((file) => planeOfFileName(stemOf(file)) === null));
  const folders = new Set([...images].map(dirname));
  const keys = new Set([...images].map((file) => join(dirname(file), imageKey(stemOf(file)))));
  const taken = files.filter((file) => {
    const plane = planeOfFileName(stemOf(file));
    if (plane === null) return true;
    const beside = keys.has(join(dirname(file), plane.image)) || (plane.certain && folders.has(dirname(file)));
    if (beside)
      problems.push({
        source: file,
        code: "PLANE_LEFT_OUT",
        message: `${plane.what} by its name, beside the image it belongs to; no stamp is made of it`,
        kept: false,
      });
    return !beside;
  });
  return { groups: byObject(taken), problems };
}

function byObject(files: string[]): FitsGroup[] {
  const ways = new Map(files.map((file) => [file, waysOf(file)]));
  // A letter in the middle of a name is a band only where another file bears the same name with another band.
  const bandsOf = new Map<string, Set<string>>();
  for (const { key, band } of [...ways.values()].flat()) {
    const bands = bandsOf.get(key) ?? new Set();
    bandsOf.set(key, bands.add(band));
  }
  const groups = new Map<string, FitsGroup>();
  for (const file of files) {
    const own = ways.get(file) ?? [];
    const way = own.find(({ key }) => (bandsOf.get(key)?.size ?? 0) > 1) ?? own.find(({ plain }) => plain);
    const group = groups.get(way?.key ?? `file ${file}`) ?? { stem: way?.stem ?? stemOf(file), files: [] };
    group.files.push({ file, band: way?.band ?? null });
    groups.set(way?.key ?? `file ${file}`, group);
  }
  return [...groups.values()];
}
