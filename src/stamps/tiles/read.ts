/** Parts of the planes of a tile. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "../../survey/decode/index.ts";
import type { SkyTile, TilePlane } from "./open.ts";

/** Columns and rows x0, y0, width, height of a plane; all of it lies on the image. */
export type TilePart = [x0: number, y0: number, width: number, height: number];

/** From so many stamps on, a packed tile is unpacked as a whole: below, each is read out of it. */
const WORTH_UNPACKING = 24;

/** Reads parts of a tile's planes; packed ones are unpacked once where that is worth it. */
export class TileReader {
  readonly #tile: SkyTile;
  readonly #unpack: boolean;
  readonly #raw = new Map<TilePlane, Promise<number>>();
  readonly #reading = new Set<Promise<Float32Array[]>>();
  #folder: string | null = null;

  /** `stamps`: how many will be cut. */
  constructor(tile: SkyTile, stamps: number) {
    this.#tile = tile;
    this.#unpack = stamps >= WORTH_UNPACKING;
  }

  /** Parts of planes, [height, width] each, all at once. Throws FITS_UNREADABLE. */
  parts(asked: { plane: TilePlane; part: TilePart }[]): Promise<Float32Array[]> {
    const reading = this.#read(asked).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
    return reading;
  }

  async #read(asked: { plane: TilePlane; part: TilePart }[]): Promise<Float32Array[]> {
    const direct = asked.filter(({ plane }) => !this.#isRaw(plane));
    const sections = direct.map(({ plane: { path, hdu }, part }) => ({ path, hdu, box: part }));
    const paths = [...new Set(sections.map(({ path }) => path))];
    const read = sections.length === 0 ? [] : await decode("fitsSections", paths, { sections });
    const results: Float32Array[] = [];
    let at = 0;
    for (const { plane, part } of asked) {
      const N = part[2] * part[3];
      if (this.#isRaw(plane)) results.push(readRaw(await this.#unpacked(plane), plane.plane, this.#tile, part));
      else results.push(read[at++].subarray(plane.plane * N, (plane.plane + 1) * N));
    }
    return results;
  }

  #isRaw({ packed }: TilePlane): boolean {
    return packed === "whole" || (packed === "tiles" && this.#unpack);
  }

  #unpacked(plane: TilePlane): Promise<number> {
    const known = this.#raw.get(plane);
    if (known !== undefined) return known;
    this.#folder ??= mkdtempSync(join(tmpdir(), "skyloop-tile-"));
    const to = join(this.#folder, `${this.#raw.size}.f32`);
    const { path, hdu } = plane;
    const made = decode("fitsUnpack", [path], { path, hdu, to }).then(() => openSync(to, "r"));
    this.#raw.set(plane, made);
    return made;
  }

  /** Removes what was unpacked, when nobody reads it any more. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#reading]);
    for (const file of await Promise.allSettled(this.#raw.values()))
      if (file.status === "fulfilled") closeSync(file.value);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }
}

function readRaw(
  file: number,
  plane: number,
  { widthPx, heightPx }: SkyTile,
  [x0, y0, width, height]: TilePart,
): Float32Array {
  const out = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    const into = new Uint8Array(out.buffer, 4 * row * width, 4 * width);
    readSync(file, into, 0, into.length, 4 * ((plane * heightPx + y0 + row) * widthPx + x0));
  }
  return out;
}
