/** Folders of fields: images with COCO annotations, our own and others' (polygons and run lengths). */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import { inOrder } from "../base/in-order.ts";
import { type Progress, SILENT } from "../base/progress.ts";
import type { Field } from "../contract/detection.ts";
import type { Problem } from "../contract/survey.ts";
import { decode, decodeWidth } from "./decode/index.ts";
import { chooseImages } from "./decode/planes.ts";
import { truthOf } from "./truth.ts";

/** Fields with what is in them, and what could not be used. */
export interface Fields {
  fields: Field[];
  /** Names of the classes, in the order of their ids. */
  classes: string[];
  problems: Problem[];
}

/** The fields of one folder, and what its file calls them: images by id (null where one was left out) and classes by id. */
export interface FieldFolder extends Fields {
  imageIds: ReadonlyMap<unknown, Field | null>;
  classIds: ReadonlyMap<unknown, string>;
}

/** Which annotations are taken: of these classes (all unless given); whether every image is decoded whole. */
export interface ReadFieldsOptions {
  classes?: string[];
  /** Whether the pixels of each image are decoded once, so that damaged files are found now; true unless given. */
  decodeImages?: boolean;
  progress?: Progress;
}

const ENDINGS = /\.(fits|fit|fts|fits\.fz|fits\.gz|jpg|jpeg|png|webp)$/i;

type Entry = Record<string, unknown>;

interface Coco {
  images: Entry[];
  annotations: Entry[];
  categories: Entry[];
}

/**
 * Reads a folder with `annotations.json` (or that file itself) in COCO's format; images are FITS of any kind that surveys take,
 * JPEG, PNG or WebP, with paths below the folder or below `images/` in it. Coordinates are pixels in the file's order: row 0 is the
 * first row of a FITS file, the top row of a picture. What is broken is in `problems`, the rest goes through. Throws
 * ANNOTATIONS_MISSING, ANNOTATIONS_BROKEN, CLASS_MISSING, TOO_FEW_FIELDS.
 */
export async function readFields(path: string, options: ReadFieldsOptions = {}): Promise<FieldFolder> {
  const file = annotationsIn(path);
  const coco = parseCoco(file);
  const problems: Problem[] = [];
  const classes = classesOf(coco, file, problems);
  const wanted = options.classes ?? [...classes.values()];
  const missing = wanted.filter((name) => ![...classes.values()].includes(name));
  if (missing.length > 0)
    throw new SkyloopError(
      "CLASS_MISSING",
      `${file} has no class ${missing.join(", ")}; it has ${[...classes.values()].join(", ")}`,
    );
  const images = await readImages(coco.images, dirname(file), problems, options);
  addTruths(coco.annotations, images, classes, new Set(wanted), problems);
  const fields = [...images.values()].flatMap(({ field }) => (field === null ? [] : [field]));
  if (fields.length * 2 < coco.images.length || fields.length === 0)
    throw new SkyloopError(
      "TOO_FEW_FIELDS",
      `${fields.length} of ${coco.images.length} images of ${file} can be used${problems.length === 0 ? "" : ` (the first problem: ${problems[0].source}: ${problems[0].message})`}; at least half are needed: check that the images lie below ${dirname(file)}`,
    );
  return {
    fields,
    classes: [...classes.values()].filter((name) => wanted.includes(name)),
    problems,
    imageIds: new Map([...images].map(([id, { field }]) => [id, field])),
    classIds: classes,
  };
}

/**
 * The fields of several folders together, each read as `readFields` does: classes in the order in which they first appear; with more
 * than one folder an id begins with the folder's number and name. Fields that name one background share it, whatever folder they lie in.
 */
export async function readFieldFolders(paths: readonly string[], options: ReadFieldsOptions = {}): Promise<Fields> {
  const all: Fields = { fields: [], classes: [], problems: [] };
  for (const [i, path] of paths.entries()) {
    const { fields, classes, problems } = await readFields(path, options);
    const from = `${i + 1}-${basename(path)}/`;
    const own = (field: Field): Field => ({
      ...field,
      id: `${from}${field.id}`,
      background: field.background === field.id ? `${from}${field.id}` : field.background,
    });
    all.fields.push(...(paths.length === 1 ? fields : fields.map(own)));
    all.classes.push(...classes.filter((name) => !all.classes.includes(name)));
    all.problems.push(...problems);
  }
  return all;
}

function annotationsIn(path: string): string {
  const tried = [path, join(path, "annotations.json"), join(path, "_annotations.coco.json")];
  const found = tried.find((one) => one.endsWith(".json") && existsSync(one) && statSync(one).isFile());
  if (found !== undefined) return found;
  throw new SkyloopError(
    "ANNOTATIONS_MISSING",
    `${path} has no annotations.json; give a folder with images and COCO annotations, or make one with \`skyloop survey simulate OUT --scenes N\``,
  );
}

/** Python writes NaN and Infinity, which are no JSON; they come as null. */
function parseCoco(file: string): Coco {
  const text = readFileSync(file, "utf8");
  let parsed: Partial<Coco> | null;
  try {
    parsed = JSON.parse(text.replace(/([[:,]\s*)(-?Infinity|NaN)(?=\s*[\],}])/g, "$1null"));
  } catch (cause) {
    throw new SkyloopError("ANNOTATIONS_BROKEN", `${file} is not valid JSON (${messageOf(cause)}); export it again`, {
      cause,
    });
  }
  const { images, annotations, categories } = parsed ?? {};
  const entries = (list: unknown): list is Entry[] =>
    Array.isArray(list) && list.every((one) => typeof one === "object" && one !== null);
  if (entries(images) && entries(annotations) && entries(categories)) return { images, annotations, categories };
  throw new SkyloopError(
    "ANNOTATIONS_BROKEN",
    `${file} has no lists images, annotations and categories; COCO's format for object detection is expected`,
  );
}

function classesOf({ categories }: Coco, file: string, problems: Problem[]): Map<unknown, string> {
  const classes = new Map<unknown, string>();
  for (const { id, name } of categories) {
    if (typeof name === "string" && name !== "" && !classes.has(id)) classes.set(id, name);
    else
      problems.push({
        source: basename(file),
        code: classes.has(id) ? "DUPLICATE_ID" : "CLASS_UNKNOWN",
        message: `category ${shown(id)} ${classes.has(id) ? "stands twice; the first one is used" : "has no name"}`,
        kept: false,
      });
  }
  return classes;
}

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "none";

/** An image by its id; null where it cannot be used. */
type Images = Map<unknown, { field: Field | null }>;

async function readImages(
  entries: Entry[],
  folder: string,
  problems: Problem[],
  { decodeImages = true, progress = SILENT }: ReadFieldsOptions,
): Promise<Images> {
  const images: Images = new Map();
  const ids = new Set<string>();
  let done = 0;
  for await (const [entry, found] of inOrder(entries, decodeWidth(), (one) => imageOf(one, folder, decodeImages))) {
    progress.update(++done, entries.length);
    const source = typeof entry.file_name === "string" ? entry.file_name : `image ${shown(entry.id)}`;
    if (images.has(entry.id)) {
      problems.push({
        source,
        code: "DUPLICATE_ID",
        message: `image id ${shown(entry.id)} stands twice; the first one is used`,
        kept: false,
      });
      continue;
    }
    if ("code" in found) problems.push({ source, ...found, kept: false });
    else if (ids.has(found.id)) {
      problems.push({
        source,
        code: "DUPLICATE_ID",
        message: "the same file is listed twice; the first one is used",
        kept: false,
      });
      images.set(entry.id, { field: null });
      continue;
    } else ids.add(found.id);
    images.set(entry.id, { field: "code" in found ? null : found });
  }
  progress.end();
  return images;
}

/** The field of an image without its truth, or why it cannot be one. */
async function imageOf(
  entry: Entry,
  folder: string,
  whole: boolean,
): Promise<Field | { code: string; message: string }> {
  const { file_name: name, width, height, background } = entry;
  if (typeof name !== "string" || name === "") return { code: "FIELD_MISSING", message: "the image has no file_name" };
  const path = [join(folder, name), join(folder, "images", name)].find((one) => existsSync(one));
  if (path === undefined) return { code: "FIELD_MISSING", message: `no file ${name} below ${folder}` };
  if (!ENDINGS.test(path)) return { code: "NOT_AN_IMAGE", message: `${name} is no FITS, JPEG, PNG or WebP file` };
  try {
    const size = await sizeOf(path, whole);
    if (width !== undefined && height !== undefined && (width !== size.width || height !== size.height))
      return {
        code: "FIELD_SIZE",
        message: `the image has ${size.width} x ${size.height} px, its annotations say ${shown(width)} x ${shown(height)}`,
      };
    const id = relative(folder, path)
      .replace(/^images\//, "")
      .replace(ENDINGS, "");
    return {
      id,
      path,
      ...size,
      truths: [],
      background: typeof background === "string" ? background : id,
      ...(typeof entry.background_class === "string" ? { backgroundClass: entry.background_class } : {}),
    };
  } catch (cause) {
    return { code: codeOf(cause) ?? "IMAGE_BROKEN", message: messageOf(cause) };
  }
}

async function sizeOf(path: string, whole: boolean): Promise<{ width: number; height: number }> {
  if (/\.(jpg|jpeg|png|webp)$/i.test(path)) {
    const { widthPx, heightPx } = await decode("picture", [path], { path });
    return { width: widthPx, height: heightPx };
  }
  const { images } = chooseImages(await decode("fitsHdus", [path], { path }), null);
  if (images.length === 0) throw new SkyloopError("NO_IMAGE", "the file holds no image");
  if (whole) await decode("fitsImage", [path], { path, hdu: images[0].hdu });
  return { width: images[0].widthPx, height: images[0].heightPx };
}

function addTruths(
  annotations: Entry[],
  images: Images,
  classes: Map<unknown, string>,
  wanted: Set<string>,
  problems: Problem[],
): void {
  for (const [i, entry] of annotations.entries()) {
    const source = `annotation ${entry.id === undefined ? `number ${i + 1}` : shown(entry.id)}`;
    const problem = (code: string, message: string) => problems.push({ source, code, message, kept: false });
    const image = images.get(entry.image_id);
    if (image === undefined) {
      problem("FIELD_MISSING", `it is of image ${shown(entry.image_id)}, which is not listed`);
      continue;
    }
    if (image.field === null) continue;
    const name = classes.get(entry.category_id);
    if (name === undefined) {
      problem("CLASS_UNKNOWN", `category ${shown(entry.category_id)} is not among the categories`);
      continue;
    }
    if (!wanted.has(name)) continue;
    const truth = truthOf(entry, name, image.field);
    if ("code" in truth) problem(truth.code, truth.message);
    else image.field.truths.push(truth);
  }
}
