/** Joining names in a table to the images they mean, by the longest part of the path that both have. */

/** File name without folders and image endings. */
export function stemOf(file: string): string {
  return withoutEnding(file.slice(file.lastIndexOf("/") + 1));
}

/** A path without the ending of an image, packed or not. */
export function withoutEnding(file: string): string {
  return file.replace(/\.(gz|bz2|fz)$/i, "").replace(/\.(fits?|fts|jpe?g|png|webp)$/i, "");
}

const parts = (path: string) =>
  path
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => part !== "" && part !== ".");

/** Every end of a path, the longest first: a/b/c, b/c, c. */
function* endsOf(path: string): Generator<string> {
  const all = parts(path);
  for (let from = 0; from < all.length; from++) yield all.slice(from).join("/");
}

/** What a name in a table means. */
export interface Meant {
  /** The images that are called so: one, or several where it is not clear which. */
  images: number[];
  /** Parts of the path that agree. */
  depth: number;
  /** Both paths go on, differently: the folders have other names there than here. */
  elsewhere: boolean;
}

const NOTHING: Meant = { images: [], depth: 0, elsewhere: false };

/** Images by the ends of their paths. */
export class ImagePaths {
  readonly #byEnd = new Map<string, number[]>();
  readonly #depth: number[];
  /** Names of the folders that images lie in. */
  readonly folders = new Set<string>();

  /** `images[i]` are the names of image i: its paths below the folder of images, one a band. */
  constructor(images: string[][]) {
    this.#depth = images.map(([first]) => parts(first).length);
    for (const [i, names] of images.entries()) {
      for (const name of names) {
        const folder = folderOf(name);
        if (folder !== undefined) this.folders.add(folder);
      }
      for (const key of new Set(names.flatMap((name) => [...endsOf(name), ...endsOf(withoutEnding(name))]))) {
        const found = this.#byEnd.get(key);
        if (found === undefined) this.#byEnd.set(key, [i]);
        else if (found.at(-1) !== i) found.push(i);
      }
    }
  }

  /** The image of a path: the one whose path ends like it, as far as both go. */
  find(path: string): Meant {
    const all = parts(path).length;
    for (const wanted of [path, withoutEnding(path)]) {
      let depth = all;
      for (const end of endsOf(wanted)) {
        const images = this.#pick(end);
        if (images.length > 0)
          return { images, depth, elsewhere: depth < all && images.some((i) => this.#depth[i] > depth) };
        depth--;
      }
    }
    return NOTHING;
  }

  /** The image of an id: as `find`, but the whole of it. */
  findId(id: string): Meant {
    // Programs that know no missing integers write 7 as 7.0.
    for (const wanted of [id, withoutEnding(id), id.replace(/^(\d+)\.0+$/, "$1")]) {
      const images = this.#pick(parts(wanted).join("/"));
      if (images.length > 0) return { images, depth: parts(id).length, elsewhere: false };
    }
    return NOTHING;
  }

  /** Of several images that end so the one whose whole path it is. */
  #pick(end: string): number[] {
    const found = this.#byEnd.get(end) ?? [];
    if (found.length < 2) return found;
    const depth = parts(end).length;
    const whole = found.filter((i) => this.#depth[i] === depth);
    return whole.length === 1 ? whole : found;
  }
}

/** The folder that a file lies in, by its name alone. */
export function folderOf(path: string): string | undefined {
  return parts(path).at(-2);
}
