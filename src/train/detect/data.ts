/** Fields to learn from and to choose by, none of one background on both sides. */
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import { Random } from "../../base/random.ts";
import { type Crop, drawCrop, drawOrientation, orientCrop } from "../../batches/field-crops.ts";
import { FieldStore } from "../../batches/field-store.ts";
import type { Field } from "../../contract/detection.ts";
import type { BankedLens } from "../../survey/simulate/lens-bank.ts";
import { paintLenses } from "./painted.ts";
import { drawTaughtCrop, type Taught } from "./taught.ts";

/** Fields of a training, in the order of the store. */
export interface FieldSet {
  fields: Field[];
  train: number[];
  validation: number[];
  store: FieldStore;
  dataHash: string;
  /** What people said of detections, beside the fields. */
  taught?: Taught;
  /** Lenses that are painted into the crops of fields. */
  bank?: readonly BankedLens[];
}

/** Parts of fields by their places. */
export interface FieldSplit {
  train: number[];
  validation: number[];
  test: number[];
}

/**
 * Splits fields so that all of one background come into one part: a tenth for validation, a tenth kept for tests, at
 * least one background each. The same seed gives the same split, whatever else is in the folder before or after.
 */
export function splitFields(fields: readonly Pick<Field, "background">[], seed: number): FieldSplit {
  const backgrounds = [...new Set(fields.map(({ background }) => background))].sort();
  if (backgrounds.length < 3)
    throw new SkyloopError(
      "TOO_FEW_FIELDS",
      `the fields lie on ${backgrounds.length} backgrounds; training, validation and test take at least one each: give more fields`,
    );
  new Random(seed).fork("fields").shuffle(backgrounds);
  const tenth = Math.max(1, Math.round(backgrounds.length / 10));
  const place = new Map(backgrounds.map((name, i) => [name, i]));
  const part = (from: number, to: number) =>
    fields.flatMap(({ background }, i) => {
      const at = place.get(background) as number;
      return at >= from && at < to ? [i] : [];
    });
  return {
    validation: part(0, tenth),
    test: part(tenth, 2 * tenth),
    train: part(2 * tenth, backgrounds.length),
  };
}

/**
 * Refuses sets of fields (by name) of which two hold fields of one background: what is measured on one would be known from the
 * other. Throws BACKGROUND_SHARED.
 */
export function checkApart(sets: Record<string, readonly Pick<Field, "background">[]>): void {
  const first = new Map<string, string>();
  for (const [name, fields] of Object.entries(sets))
    for (const { background } of fields) {
      const other = first.get(background) ?? name;
      if (other !== name)
        throw new SkyloopError(
          "BACKGROUND_SHARED",
          `${other} and ${name} both hold fields of the background ${background}; make one of them from other images (--background-range)`,
        );
      first.set(background, name);
    }
}

/** Opens the rendered pixels of fields and says what names them. */
export async function openFieldSet(
  out: string,
  fields: Field[],
  { train, validation }: FieldSplit,
  render: (field: Field) => Promise<Float32Array>,
  progress: Progress,
): Promise<FieldSet> {
  // Fields kept for tests are never read.
  const used = [...train, ...validation].sort((a, b) => a - b);
  const own = used.map((i) => fields[i]);
  const at = new Map(used.map((i, k) => [i, k]));
  const dataHash = hashBytes(JSON.stringify(own.map(({ path: _, truths, ...field }) => [field, truths.map(boxOf)])));
  const store = await FieldStore.open(
    join(out, `fields-${dataHash.slice(0, 12)}.u16`),
    own,
    (k) => render(own[k]),
    progress,
  );
  const placed = (part: number[]) => part.map((i) => at.get(i) as number);
  return { fields: own, train: placed(train), validation: placed(validation), store, dataHash };
}

const boxOf = ({ x1, y1, x2, y2, class: name, ignore }: Field["truths"][number]) => [x1, y1, x2, y2, name, ignore];

/** A crop of a training field, or of what people said of detections, in a random orientation. */
export function drawTrainingCrop(data: FieldSet, sizePx: number, random: Random): Crop {
  const { fields, train, store, taught, bank } = data;
  const drawFieldCrop = (i: number) => {
    const crop = drawCrop({ ...fields[i], window: (part) => store.window(i, part) }, sizePx, random);
    return bank === undefined ? crop : paintLenses(crop, bank, random);
  };
  const crop =
    taught !== undefined && random.next() < taught.share
      ? drawTaughtCrop(taught, sizePx, random)
      : drawFieldCrop(random.choice(train));
  return orientCrop(crop, drawOrientation(random));
}
