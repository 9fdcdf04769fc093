/** What is known of the fields that a detector is measured on: what a false alarm may lie on. */
import { basename } from "node:path";
import { SkyloopError } from "../base/errors.ts";
import type { Field, Truth } from "../contract/detection.ts";
import type { FieldGrounds, Ground } from "../measure/false-alarms.ts";
import { readTable } from "../survey/catalogue.ts";

/** A false alarm whose middle is that near an object lies on it. */
const ON_PX = 4;
/** How far what a background is of reaches from its middle: painted lenses stay out of there. */
const MIDDLE_PX = 20;
/** Blue galaxies that the simulation puts beside ellipticals stand within 3.7 arcsec of 0.262 arcsec pixels. */
const BESIDE_PX = 3.7 / 0.262 + 0.1;

const numberOf = (value: string | number | undefined, otherwise: number) =>
  typeof value === "number" ? value : otherwise;

/** The grounds of a field's annotated objects; those of the class that is looked for come first. */
function objectsOf(truths: Truth[], name: string): Ground[] {
  const all = truths.map((truth): Ground => {
    const { x1, x2, y1, y2, values = {} } = truth;
    return {
      kind: truth.class === name ? name : String(values.kind ?? truth.class),
      x: numberOf(values.x, (x1 + x2 - 1) / 2),
      y: numberOf(values.y, (y1 + y2 - 1) / 2),
      reachPx: ON_PX,
      rank: truth.class === name ? Number.NEGATIVE_INFINITY : numberOf(values.magR, 99),
    };
  });
  const neighbours = all.filter(({ kind }) => kind === "neighbour");
  const hasNeighbour = (one: Ground) =>
    neighbours.some((other) => Math.hypot(other.x - one.x, other.y - one.y) <= BESIDE_PX);
  return all.map((one) =>
    one.kind === "elliptical" && hasNeighbour(one) ? { ...one, kind: "elliptical with a neighbour" } : one,
  );
}

/** Classes of background images by their names, of a table with the columns `file` (or `id`) and `label`. Throws COLUMN_MISSING. */
export async function readBackgroundKinds(path: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await readTable(path);
  const column = ["file", "id"].find((name) => rows[0]?.[name] !== undefined);
  if (column === undefined || rows[0].label === undefined)
    throw new SkyloopError(
      "COLUMN_MISSING",
      `${path} has no columns file (or id) and label; a row a background with its file's name and its class is expected`,
    );
  return new Map(rows.map((row) => [stemOf(String(row[column])), String(row.label)]));
}

const stemOf = (name: string) => basename(name).replace(/\.(fits(\.fz|\.gz)?|jpe?g|png|webp)$/i, "");

/**
 * What is known of each field, for a detector of the class `name`: its annotated objects by their `kind` (their class where they have none),
 * and what its background is of, by `backgrounds` or the image's own `background_class`, around the middle. Null where all that is
 * known are objects of the class itself.
 */
export function groundsOf(
  fields: Field[],
  name: string,
  backgrounds: ReadonlyMap<string, string> = new Map(),
): FieldGrounds[] | null {
  let known = false;
  const all = fields.map((field): FieldGrounds => {
    const { truths, width, height } = field;
    const kind = backgrounds.get(stemOf(field.background)) ?? field.backgroundClass;
    const grounds = objectsOf(truths, name);
    known ||= kind !== undefined || truths.some((truth) => truth.class !== name);
    if (kind === undefined) return { grounds, otherwise: `nothing in the box or within ${ON_PX} px` };
    const middle = { x: (width - 1) / 2, y: (height - 1) / 2, reachPx: MIDDLE_PX };
    return { grounds: [...grounds, { kind, ...middle, rank: 99 }], otherwise: "elsewhere in the image" };
  });
  return known ? all : null;
}
