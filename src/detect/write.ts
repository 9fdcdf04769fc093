/** What a detector leaves: a survey of its candidates with catalogues, regions, segmentation maps and COCO's results. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import type { Progress } from "../base/progress.ts";
import type { Problem } from "../contract/survey.ts";
import { type ColumnSpec, OBJECT_COLUMNS, type TableRow, writeTable } from "../survey/catalogue.ts";
import { decodeWidth } from "../survey/decode/index.ts";
import { SurveyWriter } from "../survey/folder.ts";
import { type DetectorIdentity, type PurityCurve, writeDetector } from "../survey/purity-curve.ts";
import { regionsText } from "../survey/regions-file.ts";
import { type Keeping, partialOf, realPath } from "../survey/replace.ts";
import { cocoRuns } from "../survey/run-lengths.ts";
import { UNKNOWN_UNIT } from "../survey/units.ts";
import { writeFieldPictures } from "./field-pictures.ts";
import type { Found } from "./found.ts";
import { writeMasks, writeSegmentation } from "./maps.ts";
import type { WideImage } from "./wide-image.ts";

/** An image, its detections, and the tiles of it that could not be used. */
export interface FoundImage {
  image: WideImage;
  found: Found[];
  problems: Problem[];
}

/** What verdicts said of a detector's scores, and the probability that a score stands for. */
export interface Calibration {
  curve: PurityCurve;
  probabilityOf(score: number): number;
}

/** Where and how detections are written. */
export interface WriteOptions {
  out: string;
  /** Names of the classes; the number of a class in COCO's results is its place here, from 1. */
  classes: string[];
  title: string;
  command: string;
  /** What found them. */
  detector: DetectorIdentity;
  /** Adds the column `probability`. */
  calibration?: Calibration;
  /** Whether each object's mask is written into an HDU of its own, so that masks may overlap. */
  overlaps?: boolean;
  /** Whether regions are the outlines of masks, not boxes. */
  outlines?: boolean;
  /** A survey that stands at `out` is replaced, and hands this on. */
  replace?: Keeping;
  progress: Progress;
}

/** A detection with its id and its place on the sky. */
interface Candidate {
  id: string;
  image: WideImage;
  found: Found;
  raDeg: number | null;
  decDeg: number | null;
}

/**
 * Writes a survey with a stamp around each detection, highest score first, and beside it `catalogue.csv`, `.fits` and `.vot`,
 * `regions.reg`, `segmentation.fits` (labels are rows of the catalogue, from 1), `detections.json` and `detector.json`; of several images a folder
 * of regions and of segmentation maps. The images lie in `fields/` as pictures, listed by `fields.json`. Without any detection the tables are empty and there is no survey. Throws as SurveyWriter;
 * MIXED_KINDS and BAND_MISSING for images that do not fit together.
 */
export async function writeDetections(results: FoundImage[], options: WriteOptions): Promise<{ count: number }> {
  checkTogether(results);
  const candidates = candidatesOf(results);
  const { out, title, command, replace } = options;
  const [{ image: first }] = results;
  const writer = new SurveyWriter(
    out,
    {
      title,
      kind: first.kind,
      bands: first.bands,
      unit: first.unit,
      pixelScaleArcsec: first.pixelScaleArcsec,
      adaptiveCrop: false,
      seed: null,
      command,
    },
    replace === undefined ? null : { keeping: replace, inputs: [] },
  );
  try {
    const partial = partialOf(realPath(out));
    for (const { image, problems } of results)
      for (const problem of [...image.problems, ...problems]) writer.problem(problem);
    await addStamps(candidates, first, writer, options);
    await writeTables(partial, candidates, results, options);
    writeMaps(partial, results, candidates, options);
    await writeFieldPictures(
      partial,
      results.map(({ image }) => image),
    );
    if (candidates.length > 0) await writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
  if (candidates.length === 0) {
    writer.abort();
    await writeNothing(results, options);
  }
  return { count: candidates.length };
}

/** One survey has one kind of pixels and one set of bands. */
function checkTogether(results: FoundImage[]): void {
  const [{ image: first }] = results;
  for (const { image } of results) {
    if (image.kind !== first.kind)
      throw new SkyloopError(
        "MIXED_KINDS",
        `${first.name} is ${first.kind} and ${image.name} ${image.kind}; run FITS images and pictures apart`,
      );
    if (image.bands.join() !== first.bands.join())
      throw new SkyloopError(
        "BAND_MISSING",
        `${first.name} has the bands ${first.bands.join(", ")} and ${image.name} ${image.bands.join(", ")}; choose what all have with --bands`,
      );
  }
}

function candidatesOf(results: FoundImage[]): Candidate[] {
  const all = results.flatMap(({ image, found }) =>
    found.map((one, i): Candidate => {
      const sky = image.wcs?.pixelToSky(one.x, one.y) ?? null;
      const id = `${image.name}-${String(i + 1).padStart(4, "0")}`;
      return { id, image, found: one, raDeg: sky?.raDeg ?? null, decDeg: sky?.decDeg ?? null };
    }),
  );
  return all.sort((a, b) => b.found.score - a.found.score);
}

/** The columns of a candidate beside its id and place on the sky. */
function columnsOf({ image, found }: Candidate, calibration: Calibration | undefined): TableRow {
  const { x, y, x1, y1, x2, y2, score, areaPx, snr, nanShare, flag, tile, fluxes } = found;
  const flux = Object.fromEntries(
    image.kind === "flux" ? image.bands.map((band, i) => [`flux_${band}`, fluxes[i]]) : [],
  );
  const place = { image: image.name, x, y, x1, y1, x2, y2 };
  const probability: TableRow = calibration === undefined ? {} : { probability: calibration.probabilityOf(score) };
  return { ...place, class: found.class, score, ...probability, area: areaPx, snr, ...flux, nan: nanShare, flag, tile };
}

async function addStamps(
  candidates: Candidate[],
  first: WideImage,
  writer: SurveyWriter,
  { progress, calibration }: Pick<WriteOptions, "progress" | "calibration">,
): Promise<void> {
  let done = 0;
  const cut = async ({ image, found }: Candidate) => image.stamp(found.x, found.y);
  for await (const [candidate, stamp] of inOrder(candidates, decodeWidth(), cut)) {
    const { id, raDeg, decDeg, image } = candidate;
    const sizePx = first.stampPx;
    const about = { id, raDeg, decDeg, source: image.name, columns: columnsOf(candidate, calibration) };
    writer.add({ ...about, widthPx: sizePx, heightPx: sizePx, ...stamp });
    progress.update(++done, candidates.length);
  }
  progress.end();
}

/** What the probability of a curve is, as tables say it. */
function probabilitySpec({ curve }: Calibration): ColumnSpec {
  const { detector, session, verdicts } = curve;
  return {
    name: "probability",
    type: "number",
    description: `probability that it is real, from the score of ${detector.name} by ${verdicts.looked} verdicts of ${session} (${verdicts.positives} positive)`,
    ucd: "stat.probability",
  };
}

function specsOf({ bands, kind, unit }: WideImage, calibration: Calibration | undefined): ColumnSpec[] {
  const px = (name: string, description: string, axis: "x" | "y"): ColumnSpec => ({
    name,
    type: "number",
    unit: "pixel",
    description,
    ucd: `pos.cartesian.${axis};instr.det`,
  });
  return [
    ...OBJECT_COLUMNS,
    { name: "image", type: "string", description: "image that it was found in", ucd: "meta.id;obs.image" },
    px("x", "centre, 0-based column", "x"),
    px("y", "centre, 0-based row", "y"),
    px("x1", "left edge of the box", "x"),
    px("y1", "lower edge of the box", "y"),
    px("x2", "right edge of the box", "x"),
    px("y2", "upper edge of the box", "y"),
    { name: "class", type: "string", description: "what it was found to be", ucd: "src.class" },
    { name: "score", type: "number", description: "how sure the detector is, from 0 to 1", ucd: "stat.likelihood" },
    ...(calibration === undefined ? [] : [probabilitySpec(calibration)]),
    { name: "area", type: "integer", unit: "pix2", description: "pixels of the mask", ucd: "phys.angArea" },
    { name: "snr", type: "number", description: "signal-to-noise of the light in the mask", ucd: "stat.snr" },
    ...(kind === "flux" ? bands : []).map(
      (band): ColumnSpec => ({
        name: `flux_${band}`,
        type: "number",
        ...(unit === UNKNOWN_UNIT ? {} : { unit }),
        description: `sum over the mask in ${band}`,
        ucd: "phot.flux",
      }),
    ),
    { name: "nan", type: "number", description: "share of the box without a measurement" },
    {
      name: "flag",
      type: "integer",
      description: "1: more than a fifth of the box without a measurement; 2: at the border",
      ucd: "meta.code.qual",
    },
    { name: "tile", type: "string", description: "column and row of the tile" },
  ];
}

async function writeTables(
  folder: string,
  candidates: Candidate[],
  results: FoundImage[],
  { title, command, calibration }: WriteOptions,
  parquet = false,
): Promise<void> {
  const specs = specsOf(results[0].image, calibration);
  const about = {
    description: `${title}: ${candidates.length} objects found`,
    infos: { creator: "Skyloop", command, images: results.map(({ image }) => image.name).join(", ") },
  };
  const rows = candidates.map((one) => ({
    id: one.id,
    ra: one.raDeg,
    dec: one.decDeg,
    ...columnsOf(one, calibration),
  }));
  const files = {
    csv: "csv",
    fits: "fits",
    vot: "votable",
    ...(parquet ? { parquet: "parquet" as const } : {}),
  } as const;
  for (const [ending, format] of Object.entries(files))
    await writeTable(join(folder, `catalogue.${ending}`), format, specs, rows, about);
}

function writeMaps(
  folder: string,
  results: FoundImage[],
  candidates: Candidate[],
  { classes, overlaps, outlines = false, detector }: WriteOptions,
): void {
  writeDetector(folder, detector);
  const one = results.length === 1;
  const rowOf = new Map(candidates.map(({ found }, row) => [found, row]));
  const idOf = new Map(candidates.map(({ found, id }) => [found, id]));
  if (!one)
    for (const name of ["regions", "segmentation", ...(overlaps ? ["masks"] : [])]) mkdirSync(join(folder, name));
  const pathOf = (kind: string, name: string, ending: string) =>
    join(folder, one ? `${kind}.${ending}` : `${kind}/${name}.${ending}`);
  for (const { image, found } of results) {
    const text = regionsText(
      found.map(({ mask, ...box }, i) => ({
        ...box,
        ...(outlines ? { mask } : {}),
        text: `${idOf.get(found[i])} ${box.score.toFixed(3)}`,
      })),
      image.wcs,
    );
    writeFileSync(pathOf("regions", image.name, "reg"), text);
    writeSegmentation(
      pathOf("segmentation", image.name, "fits"),
      image,
      found,
      (box) => (rowOf.get(box) as number) + 1,
    );
    if (overlaps === true && found.length > 0) writeMasks(pathOf("masks", image.name, "fits"), image, found, classes);
  }
  const coco = candidates.map(({ found, image, id }) => ({
    image_id: results.findIndex((result) => result.image === image) + 1,
    category_id: classes.indexOf(found.class) + 1,
    bbox: [found.x1, found.y1, found.x2 - found.x1, found.y2 - found.y1],
    score: found.score,
    ...(found.mask === undefined
      ? {}
      : {
          segmentation: {
            size: [image.heightPx, image.widthPx],
            counts: cocoRuns(found.mask, image.widthPx, image.heightPx),
          },
        }),
    id,
    image: image.name,
    class: found.class,
  }));
  writeFileSync(join(folder, "detections.json"), `${JSON.stringify(coco)}\n`);
}

/** Empty tables and maps in a plain folder: a survey holds at least one stamp. */
async function writeNothing(results: FoundImage[], options: WriteOptions): Promise<void> {
  const { out } = options;
  if (existsSync(out)) return;
  mkdirSync(out, { recursive: true });
  await writeTables(out, [], results, options, true);
  writeMaps(out, results, [], options);
  const problems = results.flatMap(({ image, problems: own }) => [...image.problems, ...own]);
  writeFileSync(join(out, "problems.json"), `${JSON.stringify(problems, null, 1)}\n`);
}
