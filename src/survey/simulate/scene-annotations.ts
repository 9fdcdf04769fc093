/** What is said of simulated fields: COCO annotations, and a table with a row an object. */
import { join } from "node:path";
import { writeFileAtomic } from "../../base/files.ts";
import { type ColumnSpec, type TableRow, writeTable } from "../catalogue.ts";
import type { FitsCard } from "../fits.ts";
import { cocoRuns } from "../run-lengths.ts";
import { parseWcs } from "../wcs.ts";
import { BANDS, PIXEL_SCALE_ARCSEC } from "./frame.ts";
import { SCENE_CLASSES, type Scene, type SceneObject } from "./scene.ts";

/** Header cards of a field: tangent plane, north up. */
export function cardsOf({ sizePx, raDeg, decDeg }: Scene): FitsCard[] {
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

/** A field that stands whole in its folder: its file, and what is said of it and its objects. */
export interface FieldRecord {
  /** Name without ending. */
  name: string;
  /** Path below the folder, with what tells whether it is whole. */
  file: string;
  byteCount: number;
  sum: number;
  /** Without their ids, which count from the first field on. */
  image: object;
  annotations: object[];
  rows: TableRow[];
  /** Of each object. */
  classes: SceneObject["class"][];
}

/** What is said of a field and its objects. `placed`: the field has coordinates on the sky. */
export function describeField(
  scene: Scene,
  { name, file, background }: { name: string; file: string; background: string },
  placed: boolean,
): Pick<FieldRecord, "image" | "annotations" | "rows" | "classes"> {
  const { sizePx, conditions, raDeg, decDeg, objects } = scene;
  const wcs = placed ? parseWcs(cardsOf(scene)) : null;
  const position = placed ? { raDeg, decDeg } : {};
  const image = { file_name: file, width: sizePx, height: sizePx, background, ...position, ...conditions };
  const annotations = objects.map((object) => {
    const { mask, ignore } = object;
    const attributes = Object.fromEntries(
      COLUMNS.flatMap(({ name: column }) =>
        object[column] === null ? [] : [[column, rounded(object[column] as number)]],
      ),
    );
    return {
      category_id: SCENE_CLASSES.indexOf(object.class) + 1,
      bbox: [mask.x, mask.y, mask.width, mask.height],
      area: mask.bits.reduce((sum, bit) => sum + bit, 0),
      iscrowd: ignore ? 1 : 0,
      segmentation: { size: [sizePx, sizePx], counts: cocoRuns(mask, sizePx, sizePx) },
      attributes: { kind: object.kind, ...attributes },
    };
  });
  const rows = objects.map((object): TableRow => {
    const sky = wcs?.pixelToSky(object.x, object.y);
    return {
      image: name,
      class: object.class,
      kind: object.kind,
      ra: sky?.raDeg ?? null,
      dec: sky?.decDeg ?? null,
      ...Object.fromEntries(COLUMNS.map(({ name: column }) => [column, object[column] as number | null])),
      ignore: object.ignore ? 1 : 0,
    };
  });
  return { image, annotations, rows, classes: objects.map((object) => object.class) };
}

/** What `annotations.json` and `truth.parquet` say, gathered field by field. */
export class Annotations {
  readonly counts: Record<string, number> = Object.fromEntries(SCENE_CLASSES.map((name) => [name, 0]));
  readonly #images: object[] = [];
  readonly #annotations: object[] = [];
  readonly #rows: TableRow[] = [];

  add({ image, annotations, rows, classes }: FieldRecord): void {
    const imageId = this.#images.length + 1;
    this.#images.push({ id: imageId, ...image });
    for (const [i, annotation] of annotations.entries()) {
      const id = this.#annotations.length + 1;
      this.#annotations.push({ id, image_id: imageId, ...annotation });
      this.#rows.push({ id, ...rows[i] });
      this.counts[classes[i]]++;
    }
  }

  /** Writes both files into `folder`. */
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
