/** A folder of simulated fields with annotations, for detectors. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { writeError, writeFileAtomic } from "../../base/files.ts";
import { lockFolder } from "../../base/lock.ts";
import type { Progress } from "../../base/progress.ts";
import { type ColumnSpec, type TableRow, writeTable } from "../catalogue.ts";
import type { FitsCard } from "../fits.ts";
import { headerRecords, writeFitsImage } from "../fits.ts";
import { beginPartial, lockOf, partialOf, placeNew, realPath } from "../replace.ts";
import { cocoRuns } from "../run-lengths.ts";
import { parseWcs } from "../wcs.ts";
import { BANDS, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { SCENE_CLASSES, type Scene, type SceneObject } from "./scene.ts";
import { inThreads } from "./threads.ts";

/** How many fields to simulate, from which seed, with how many worker threads. */
export interface ScenesOptions {
  scenes: number;
  seed: number;
  /** Side of a field in px; 256 unless given. */
  sizePx?: number;
  workers?: number;
  /** Paints lenses onto images of the real sky instead of simulating the sky and everything else. */
  onto?: FieldPainter;
  progress: Progress;
  command: string;
}

/** Adds the light of a field's lenses to an image. */
export interface FieldPainter {
  /** Lenses stay that far from the middle of the image. */
  clearPx: number;
  /** Writes field `index` as `stem` with its ending; returns that ending and the name of what it was painted on. */
  paint(index: number, scene: Scene, stem: string): Promise<{ ending: string; background: string }>;
}

/** How many fields were written, and their objects by class. */
export interface ScenesMade {
  fields: number;
  objects: Record<string, number>;
}

/**
 * Writes `scenes` simulated fields: `images/` (FITS, [3, size, size] nanomaggies with coordinates), `annotations.json`
 * in COCO's format with run lengths, and `truth.parquet`, a row an object. The same for the same seed whatever the
 * number of workers. With `onto` the images are what the painter writes, and only lenses are annotated. Throws BAD_OPTION, FIELDS_EXIST, FOLDER_IN_THE_WAY, LOCKED, DISK_FULL.
 */
export async function simulateScenes(out: string, options: ScenesOptions): Promise<ScenesMade> {
  const { scenes, seed, sizePx = 256, workers, progress, command } = options;
  if (!Number.isInteger(scenes) || scenes < 1)
    throw new SkyloopError("BAD_OPTION", `--scenes is a whole number of fields, not ${scenes}`);
  if (!Number.isInteger(sizePx) || sizePx < 64 || sizePx > 4096)
    throw new SkyloopError("BAD_OPTION", `the side of a field is from 64 to 4096 px, not ${sizePx}`);
  const path = realPath(out);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw writeError(out, cause);
  }
  const release = lockFolder(dirname(path), lockOf(path));
  try {
    if (existsSync(path))
      throw new SkyloopError("FIELDS_EXIST", `${out} exists; choose another name, or remove it first`);
    const partial = beginPartial(path);
    rmSync(join(partial, "stamps"), { recursive: true });
    mkdirSync(join(partial, "images"));
    const written = new Annotations();
    let done = 0;
    const data = { seed, sizePx, clearPx: options.onto?.clearPx ?? null };
    const work = inThreads<Scene>(new URL("./scene-worker.ts", import.meta.url), data, scenes, workers);
    for await (const scene of work) {
      const stem = join(partial, "images", nameOf(done));
      if (options.onto === undefined) writeField(scene, `${stem}.fits`);
      const painted = await options.onto?.paint(done, scene, stem);
      written.add(scene, painted ?? { ending: "fits", background: nameOf(done) }, options.onto === undefined);
      progress.update(++done, scenes);
    }
    await written.finish(partial, { seed, command });
    placeNew(path);
    return { fields: scenes, objects: written.counts };
  } catch (cause) {
    if (!(cause instanceof SkyloopError)) rmSync(partialOf(path), { recursive: true, force: true });
    throw writeError(out, cause);
  } finally {
    progress.end();
    release();
  }
}

const nameOf = (index: number) => `field-${String(index + 1).padStart(6, "0")}`;

/** Header cards of a field: tangent plane, north up. */
function cardsOf({ sizePx, raDeg, decDeg }: Scene): FitsCard[] {
  const step = PIXEL_SCALE_ARCSEC / 3600;
  const middle = (sizePx + 1) / 2;
  return [
    ["CTYPE1", "'RA---TAN'", ""],
    ["CTYPE2", "'DEC--TAN'", ""],
    ["CRPIX1", String(middle), ""],
    ["CRPIX2", String(middle), ""],
    ["CRVAL1", String(raDeg), ""],
    ["CRVAL2", String(decDeg), ""],
    ["CD1_1", String(-step), ""],
    ["CD1_2", "0", ""],
    ["CD2_1", "0", ""],
    ["CD2_2", String(step), ""],
    ["RADESYS", "'ICRS'", ""],
    ["BUNIT", "'nanomaggy'", ""],
    ["BANDS", `'${BANDS.join("")}'`, ""],
  ];
}

function writeField(scene: Scene, path: string): void {
  const { sizePx, planes } = scene;
  const image = { widthPx: sizePx, heightPx: sizePx, planes: 3, data: planes };
  writeFitsImage(path, image, headerRecords(cardsOf(scene)));
}

const number = (
  name: keyof SceneObject,
  description: string,
  unit?: string,
): ColumnSpec & { name: keyof SceneObject } => ({
  name,
  type: "number",
  description,
  unit,
});

/** What is said of each object, beside its field, class and place. */
const COLUMNS = [
  number("x", "0-based column", "pixel"),
  number("y", "0-based row", "pixel"),
  number("magG", "AB magnitude in g", "mag"),
  number("magR", "AB magnitude in r; of a lens that of its lensed images", "mag"),
  number("magZ", "AB magnitude in z", "mag"),
  number("halfLightRadiusArcsec", "half-light radius along the major axis", "arcsec"),
  number("snr", "signal-to-noise of the light in the mask, all bands"),
  number("einsteinRadiusArcsec", "Einstein radius", "arcsec"),
  number("sourceMagR", "r magnitude of the source without lensing", "mag"),
  number("sourceXArcsec", "place of the source from the lens along x", "arcsec"),
  number("sourceYArcsec", "place of the source from the lens along y", "arcsec"),
  number("deflectorMagR", "r magnitude of the galaxy in front", "mag"),
];

class Annotations {
  readonly counts: Record<string, number> = Object.fromEntries(SCENE_CLASSES.map((name) => [name, 0]));
  readonly #images: object[] = [];
  readonly #annotations: object[] = [];
  readonly #rows: TableRow[] = [];

  /** `placed`: the field has coordinates on the sky. */
  add(scene: Scene, { ending, background }: { ending: string; background: string }, placed: boolean): void {
    const { sizePx, conditions, raDeg, decDeg, objects } = scene;
    const id = this.#images.length + 1;
    const name = nameOf(id - 1);
    const file = `images/${name}.${ending}`;
    const wcs = placed ? parseWcs(cardsOf(scene)) : null;
    this.#images.push({
      id,
      file_name: file,
      width: sizePx,
      height: sizePx,
      background,
      ...(placed ? { raDeg, decDeg } : {}),
      ...conditions,
    });
    for (const object of objects) {
      const { mask, ignore } = object;
      const category = SCENE_CLASSES.indexOf(object.class) + 1;
      const attributes = Object.fromEntries(
        COLUMNS.flatMap(({ name: column }) =>
          object[column] === null ? [] : [[column, rounded(object[column] as number)]],
        ),
      );
      this.#annotations.push({
        id: this.#annotations.length + 1,
        image_id: id,
        category_id: category,
        bbox: [mask.x, mask.y, mask.width, mask.height],
        area: mask.bits.reduce((sum, bit) => sum + bit, 0),
        iscrowd: ignore ? 1 : 0,
        segmentation: { size: [sizePx, sizePx], counts: cocoRuns(mask, sizePx, sizePx) },
        attributes: { kind: object.kind, ...attributes },
      });
      const sky = wcs?.pixelToSky(object.x, object.y);
      const values = Object.fromEntries(COLUMNS.map(({ name: column }) => [column, object[column] as number | null]));
      this.#rows.push({
        id: this.#annotations.length,
        image: name,
        class: object.class,
        kind: object.kind,
        ra: sky?.raDeg ?? null,
        dec: sky?.decDeg ?? null,
        ...values,
        ignore: ignore ? 1 : 0,
      });
      this.counts[object.class]++;
    }
  }

  async finish(folder: string, { seed, command }: { seed: number; command: string }): Promise<void> {
    const coco = {
      info: {
        description: "Simulated fields by Skyloop, as the Legacy Surveys would see them",
        seed,
        command,
        version: 1,
      },
      images: this.#images,
      categories: SCENE_CLASSES.map((name, i) => ({ id: i + 1, name })),
      annotations: this.#annotations,
    };
    writeFileAtomic(join(folder, "annotations.json"), `${JSON.stringify(coco)}\n`);
    const specs: ColumnSpec[] = [
      { name: "id", type: "integer", description: "id of the annotation" },
      { name: "image", type: "string" },
      { name: "class", type: "string" },
      { name: "kind", type: "string" },
      { name: "ra", type: "number", unit: "deg" },
      { name: "dec", type: "number", unit: "deg" },
      ...COLUMNS,
      { name: "ignore", type: "integer", description: "1: too faint to be seen, or cut by the border" },
    ];
    await writeTable(join(folder, "truth.parquet"), "parquet", specs, this.#rows);
  }
}

const rounded = (value: number) => Number(value.toPrecision(7));
