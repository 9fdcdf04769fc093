/** What people said of detections, as pictures to learn from: a window of its image around each verdict. */
import { join } from "node:path";
import { SkyloopError } from "../../base/errors.ts";
import { hashBytes } from "../../base/files.ts";
import type { Progress } from "../../base/progress.ts";
import type { Random } from "../../base/random.ts";
import { type Crop, drawCrop } from "../../batches/field-crops.ts";
import { FieldStore } from "../../batches/field-store.ts";
import type { BoxPx, MaskPx, Truth, Verdicts } from "../../contract/detection.ts";
import type { FieldImage } from "../../contract/fields.ts";
import { openMasked } from "../../detect/images.ts";
import type { WideImage } from "../../detect/wide-image.ts";
import { maskOf, readDetections, readFieldImages } from "../../survey/detections.ts";
import type { DetectorDetails } from "../../tasks/detect/detector.ts";
import { seenPart } from "../../tasks/detect/find.ts";

/** Windows with what is in them: around confirmed and drawn objects, and around rejected ones. */
export interface Taught {
  windows: { width: number; height: number; truths: Truth[] }[];
  confirmed: number[];
  rejected: number[];
  store: FieldStore;
  /** Of the crops, so many show a window. */
  share: number;
  hash: string;
}

/** A crop around a verdict: as often around what is there as around what is not. */
export function drawTaughtCrop({ windows, confirmed, rejected, store }: Taught, sizePx: number, random: Random): Crop {
  const either = confirmed.length === 0 ? rejected : rejected.length === 0 ? confirmed : null;
  const i = random.choice(either ?? (random.next() < 0.5 ? confirmed : rejected));
  return drawCrop({ ...windows[i], window: (part) => store.window(i, part) }, sizePx, random);
}

/** A window is larger than a crop, but so little that every crop of it holds its middle. */
const WINDOW = 1.5;

interface Said extends BoxPx {
  /** Null: nobody has said what it is. */
  there: boolean | null;
  class: string;
  mask?: MaskPx;
}

type Details = Omit<DetectorDetails, "threshold" | "validation">;

/**
 * Opens the windows of all verdicts as the detector sees them. Confirmed and drawn objects are there, rejected ones are not; what
 * nobody has looked at, or was unsure of, is neither. Throws DETECTIONS_MISSING, NOTHING_TAUGHT, CLASS_MISSING, FILE_UNREADABLE,
 * and what `fitImage` throws.
 */
export async function openTaught(
  out: string,
  also: readonly Verdicts[],
  details: Details,
  sizePx: number,
  share: number,
  progress: Progress,
): Promise<Taught> {
  const made: { window: Taught["windows"][number]; pixels: Float32Array; there: boolean }[] = [];
  for (const verdicts of also)
    for (const field of fieldsOf(verdicts.folder)) {
      const said = saidIn(field, verdicts, details.classes);
      if (!said.some(({ there }) => there !== null)) continue;
      const image = await openMasked(
        field.paths.join(","),
        field.maskPath ?? null,
        field.kind === "flux" ? field.bands : null,
        64,
      );
      image.pixelScaleArcsec = field.pixelScaleArcsec;
      try {
        for (const one of said)
          if (one.there !== null)
            made.push({ ...(await windowOf(one, said, image, details, sizePx)), there: one.there });
      } finally {
        image.close();
      }
    }
  if (made.length === 0)
    throw new SkyloopError(
      "NOTHING_TAUGHT",
      `the sessions of --also say of no detection whether it is one; look through them first (\`skyloop serve ${also[0].folder}\`)`,
    );
  const windows = made.map(({ window }) => window);
  const places = (there: boolean) => made.flatMap((one, i) => (one.there === there ? [i] : []));
  const about = windows.map(({ truths, ...size }, i) => [size, truths.map(boxOf), made[i].there]);
  const hash = hashBytes(JSON.stringify([about, share, also.map(({ folder }) => folder)]));
  const path = join(out, `taught-${hash.slice(0, 12)}.u16`);
  const store = await FieldStore.open(path, windows, async (i) => made[i].pixels, progress);
  return { windows, confirmed: places(true), rejected: places(false), store, share, hash };
}

const boxOf = ({ x1, y1, x2, y2, class: name, ignore }: Truth) => [x1, y1, x2, y2, name, ignore];

function fieldsOf(folder: string): FieldImage[] {
  const fields = readFieldImages(folder);
  if (fields !== null) return fields;
  throw new SkyloopError(
    "DETECTIONS_MISSING",
    `${folder} does not say where its images are (no fields.json); make it again with \`skyloop detect … --out ${folder} --overwrite\`, labels stay`,
  );
}

/** Everything that a field's candidates and drawn boxes are said to be. */
function saidIn(field: FieldImage, { folder, labels, boxes }: Verdicts, classes: readonly string[]): Said[] {
  const thereOf = (object: string) => {
    const value = labels[object];
    return value === "positive" ? true : value === "negative" ? false : null;
  };
  const found = readDetections(folder).flatMap((entry): Said[] => {
    if (entry.image !== field.name || !classes.includes(entry.class)) return [];
    const [x1, y1, width, height] = entry.bbox;
    const mask = maskOf(entry) ?? undefined;
    return [{ x1, y1, x2: x1 + width, y2: y1 + height, class: entry.class, there: thereOf(entry.id), mask }];
  });
  const drawn = Object.entries(boxes).flatMap(
    ([
      object,
      {
        field: name,
        box: [x1, y1, x2, y2],
      },
    ]): Said[] => {
      if (name !== field.name) return [];
      if (classes.length !== 1)
        throw new SkyloopError(
          "CLASS_MISSING",
          `${object} was drawn without a class, and the detector has ${classes.length} (${classes.join(", ")}); choose one with --classes`,
        );
      return [{ x1, y1, x2, y2, class: classes[0], there: thereOf(object) }];
    },
  );
  return [...found, ...drawn];
}

/** The window around a verdict with all that is said to be there, in the detector's pixels. */
async function windowOf(one: Said, all: readonly Said[], image: WideImage, details: Details, sizePx: number) {
  const probe = { x: (one.x1 + one.x2) / 2, y: (one.y1 + one.y2) / 2 };
  const scale = image.pixelScaleArcsec !== null && details.pixelScaleArcsec !== null;
  const factor = scale ? (image.pixelScaleArcsec as number) / (details.pixelScaleArcsec as number) : 1;
  const side = Math.ceil((WINDOW * sizePx) / (Math.abs(factor - 1) <= 0.2 ? 1 : factor));
  const start = (middle: number, length: number) =>
    Math.max(0, Math.min(length - Math.min(side, length), Math.round(middle - side / 2)));
  const [x0, y0] = [start(probe.x, image.widthPx), start(probe.y, image.heightPx)];
  const [width, height] = [Math.min(side, image.widthPx), Math.min(side, image.heightPx)];
  const data = await image.read(x0, y0, width, height);
  const size = { imageWidth: image.widthPx, imageHeight: image.heightPx };
  const part = { data, bands: image.bands.length, x0, y0, width, height, ...size, tile: "" };
  const seen = seenPart({ ...details, threshold: 0, validation: {} }, image, part);
  const truths = all.flatMap((said): Truth[] => {
    const [x1, y1, x2, y2] = [said.x1 - x0, said.y1 - y0, said.x2 - x0, said.y2 - y0];
    if (x2 <= 0 || y2 <= 0 || x1 >= width || y1 >= height) return [];
    const k = seen.factor;
    const mask =
      said.mask === undefined || k !== 1 ? undefined : { ...said.mask, x: said.mask.x - x0, y: said.mask.y - y0 };
    const box = { x1: x1 * k, y1: y1 * k, x2: x2 * k, y2: y2 * k };
    const rejected = said.there === false ? { rejected: true } : {};
    return [{ ...box, class: said.class, ignore: said.there === null, ...rejected, ...(mask && { mask }) }];
  });
  return { window: { width: seen.width, height: seen.height, truths }, pixels: seen.pixels };
}
