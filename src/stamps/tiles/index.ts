/** A survey cut from a folder of tiles at a catalogue's positions. */
import { codeOf, messageOf } from "../../base/errors.ts";
import { inOrder } from "../../base/in-order.ts";
import type { Progress } from "../../base/progress.ts";
import type { Problem, SurveyHeader } from "../../contract/survey.ts";
import { covered } from "../../survey/covered.ts";
import { decodeWidth } from "../../survey/decode/index.ts";
import { type ChooseCrop, type NewStamp, SurveyWriter } from "../../survey/folder.ts";
import { stemOf } from "../../survey/labels.ts";
import type { Keeping } from "../../survey/replace.ts";
import { readTargets, type Target, type Targets } from "../../survey/targets.ts";
import { UNKNOWN_UNIT } from "../../survey/units.ts";
import { type OnTile, TileIndex } from "./assign.ts";
import { type CutStamp, cutStamps, type TileCutOptions } from "./cut.ts";
import { openTiles, type SkyTile } from "./open.ts";
import { TileReader } from "./read.ts";

/** What to cut, from where. */
export interface TilesOptions {
  out: string;
  /** Folder of tiles. */
  tiles: string;
  catalogue: string;
  raUnit?: "deg" | "hours";
  sizePx: number;
  bands?: string[];
  /** Pixels whose weight is 0 become NaN, by the weight map beside each image. */
  weights: boolean;
  /** Pixels with any of these bits become NaN, by the mask beside each image; 0 reads no masks. */
  maskBits: number;
  title?: string;
  /** Whether models see stamps cropped to the galaxy; a function decides it from the finished survey. */
  adaptiveCrop: boolean | ChooseCrop;
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  command: string;
  progress: Progress;
}

/** The header of a finished survey and what became of each row of the catalogue. */
export interface CutSurvey {
  header: SurveyHeader;
  asked: number;
  tiles: number;
  stitched: number;
  /** Objects that are not in the survey, by code. */
  missing: Map<string, number>;
}

type Place = OnTile & Target & { column: number };

/** Stamps that are cut together: one reading of a tile's files. */
const TOGETHER = 16;
/** Readers of neighbours that stay open. */
const READERS_KEPT = 8;

/**
 * Cuts one stamp a position from the tile in which it has the most room, tile by tile. Throws NO_TILES, BAD_POSITION,
 * NO_STAMPS and what `SurveyWriter` throws.
 */
export async function createFromTiles(options: TilesOptions): Promise<CutSurvey> {
  const { out, sizePx, maskBits, weights, replace, progress } = options;
  const found = await readTargets(options.catalogue, options.raUnit);
  const { tiles, bands, problems } = await openTiles(options.tiles, {
    bands: options.bands,
    weights,
    masks: maskBits !== 0,
  });
  const unit = tiles.map((tile) => tile.bands[0].unit).find((name) => name !== UNKNOWN_UNIT) ?? UNKNOWN_UNIT;
  const writer = new SurveyWriter(
    out,
    {
      title: options.title ?? `${stemOf(options.catalogue)}, ${tiles.length} tiles`,
      kind: "flux",
      bands,
      unit,
      pixelScaleArcsec: tiles[0].wcs.pixelScaleArcsec,
      adaptiveCrop: options.adaptiveCrop,
      seed: null,
      command: options.command,
    },
    replace === undefined ? null : { keeping: replace, inputs: [options.tiles, options.catalogue] },
  );
  const result: Omit<CutSurvey, "header"> = { asked: found.rows, tiles: tiles.length, stitched: 0, missing: new Map() };
  const problem = (one: Problem) => {
    writer.problem(one);
    if (!one.kept) result.missing.set(one.code, (result.missing.get(one.code) ?? 0) + 1);
    if (one.code === "STITCHED") result.stitched++;
  };
  try {
    for (const one of problems) writer.problem(one);
    found.problems.forEach(problem);
    let done = 0;
    for await (const item of cutAll(found, new TileIndex(tiles), bands, { sizePx, unit, maskBits }, problem)) {
      for (const part of item)
        if ("code" in part) problem(part);
        else writer.add(part);
      progress.update(++done, found.targets.length);
    }
    return { ...result, header: await writer.finish("check that the catalogue's positions lie on the tiles") };
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    progress.end();
  }
}

/** Every stamp with what is to be said of it, tile by tile. */
async function* cutAll(
  { targets, columns }: Targets,
  index: TileIndex,
  bands: string[],
  options: TileCutOptions,
  problem: (one: Problem) => void,
): AsyncGenerator<(NewStamp | Problem)[]> {
  const byTile = new Map<SkyTile, Place[]>();
  for (const [column, target] of targets.entries()) {
    const [best] = index.at(target.raDeg, target.decDeg);
    if (best === undefined) {
      problem({
        source: target.id,
        code: "NOT_COVERED",
        message: `${target.id}: no tile shows this place`,
        kept: false,
      });
      continue;
    }
    const places = byTile.get(best.tile) ?? [];
    places.push({ ...best, ...target, column });
    byTile.set(best.tile, places);
  }
  const readers = new Readers(byTile);
  const chunks = [...byTile].flatMap(([tile, places]) =>
    Array.from({ length: Math.ceil(places.length / TOGETHER) }, (_, i) => ({
      tile,
      places: places.slice(i * TOGETHER, (i + 1) * TOGETHER),
    })),
  );
  const cut = async ({ tile, places }: (typeof chunks)[number]): Promise<CutStamp[] | Problem[]> => {
    try {
      return await cutStamps(places, readers.of(tile), index, (other) => readers.of(other), options);
    } catch (cause) {
      const code = codeOf(cause) ?? "FITS_UNREADABLE";
      return places.map(({ id }) => ({
        source: tile.name,
        code,
        message: `${id}: ${messageOf(cause).split("\n")[0]}`,
        kept: false,
      }));
    }
  };
  try {
    for await (const [{ tile, places }, results] of inOrder(chunks, Math.max(2, decodeWidth() / 2), cut)) {
      for (const [i, place] of places.entries()) {
        const one = results[i];
        yield "code" in one ? [one] : described(one, place, columns[place.column], bands, options.sizePx);
      }
      await readers.done(tile, places.length);
    }
  } finally {
    await readers.close();
  }
}

function described(
  stamp: CutStamp,
  { tile, id, raDeg, decDeg }: Place,
  columns: Targets["columns"][number],
  bands: string[],
  sizePx: number,
) {
  const source = tile.name;
  const said: Problem[] = [];
  if (stamp.stitched > 0) {
    const off = stamp.offPx < 0.02 ? "on the same grid" : `up to ${stamp.offPx.toFixed(2)} px off`;
    const message = `${id}: ${(100 * stamp.stitched).toFixed(1)} % of its pixels are from ${stamp.from.join(", ")}, ${off}; kept`;
    said.push({ source, code: "STITCHED", message, kept: true });
  }
  const cut = { id, raDeg, decDeg, source, widthPx: sizePx, heightPx: sizePx, codec: "f32" as const, data: stamp.data };
  return [...said, ...covered({ ...cut, columns: { ...columns, tile: tile.name } }, bands)];
}

/** Readers of tiles, open while stamps of them are cut; those that only neighbours need go when others are. */
class Readers {
  readonly #left: Map<SkyTile, number>;
  readonly #stamps: Map<SkyTile, number>;
  readonly #open = new Map<SkyTile, TileReader>();

  constructor(byTile: Map<SkyTile, Place[]>) {
    this.#left = new Map([...byTile].map(([tile, places]) => [tile, places.length]));
    this.#stamps = new Map(this.#left);
  }

  of(tile: SkyTile): TileReader {
    const known = this.#open.get(tile);
    if (known !== undefined) return known;
    const reader = new TileReader(tile, this.#stamps.get(tile) ?? 0);
    this.#open.set(tile, reader);
    return reader;
  }

  /** So many stamps of a tile are cut. */
  async done(tile: SkyTile, stamps: number): Promise<void> {
    this.#left.set(tile, (this.#left.get(tile) ?? 0) - stamps);
    if (this.#open.size <= READERS_KEPT) return;
    for (const [other, reader] of this.#open) {
      if ((this.#left.get(other) ?? 0) > 0) continue;
      this.#open.delete(other);
      await reader.close();
      if (this.#open.size <= READERS_KEPT) return;
    }
  }

  async close(): Promise<void> {
    for (const reader of this.#open.values()) await reader.close();
  }
}
