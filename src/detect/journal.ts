/** What a run over the tiles of images has done, so that one that was killed goes on after its last whole tile. */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { writeFileAtomic } from "../base/files.ts";
import type { Found } from "./found.ts";

/** A line of the file: what was found in a tile of an image. */
interface TileLine {
  image: string;
  tile: string;
  found: Found[];
}

/** A file of finished tiles, a line each. What it holds under another key is forgotten. */
export class TileJournal {
  readonly #path: string;
  readonly #done = new Map<string, Found[]>();

  /** `key` names everything that the results follow from. Throws WRITE_FAILED, DISK_FULL. */
  constructor(path: string, key: string) {
    this.#path = path;
    const [first, ...lines] = linesOf(path);
    if ((first as { key?: string } | undefined)?.key !== key) writeFileAtomic(path, `${JSON.stringify({ key })}\n`);
    else for (const line of lines as TileLine[]) this.#done.set(`${line.image} ${line.tile}`, line.found.map(read));
  }

  /** What an earlier run found in a tile; undefined where it did not come to it. */
  finished(image: string, tile: string): Found[] | undefined {
    return this.#done.get(`${image} ${tile}`);
  }

  add(image: string, tile: string, found: Found[]): void {
    appendFileSync(this.#path, `${JSON.stringify({ image, tile, found: found.map(written) })}\n`);
  }

  /** Removes the file: all that it holds is written elsewhere. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

/** The whole lines of a file; one that was cut short is none, and ended so that the next stands by itself. */
function linesOf(path: string): unknown[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.at(-1) !== "") appendFileSync(path, "\n");
  return lines.flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** A detection with its mask as text. */
const written = ({ mask, ...one }: Found) => ({
  ...one,
  ...(mask === undefined ? {} : { mask: { ...mask, bits: Buffer.from(mask.bits).toString("base64") } }),
});

const read = (one: Found): Found => ({
  ...one,
  ...(one.mask === undefined
    ? {}
    : { mask: { ...one.mask, bits: new Uint8Array(Buffer.from(String(one.mask.bits), "base64")) } }),
});
