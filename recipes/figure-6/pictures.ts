/** What a detector found, missed and took for a lens, as pictures to look at. */
import sharp from "sharp";
import type { Detection, Field } from "../../src/contract/detection.ts";
import { matchDetections } from "../../src/measure/detection.ts";
import { fieldPixels } from "../../src/stamps/field-pixels.ts";
import { type SheetRow, sheetSvg, writeFigure } from "../common/sheets.ts";

/** Pictures a row, and the side of what each shows in pixels of the field. */
const [COLUMNS, SIDE_PX] = [10, 48];
const [RIGHT, WRONG] = ["#2e7d32", "#c62828"];

/** A square of a field around a place, enlarged, as a JPEG in base64; what lies beyond the field is dark. */
async function tileAt(field: Field, x: number, y: number): Promise<string> {
  const pixels = await fieldPixels(field);
  const { width: W, height: H } = field;
  const upwards = /\.(fits|fit|fts)/i.test(field.path);
  const [left, top] = [Math.round(x - SIDE_PX / 2), Math.round(y - SIDE_PX / 2)];
  const out = Buffer.alloc(3 * SIDE_PX * SIDE_PX);
  for (let row = 0; row < SIDE_PX; row++)
    for (let column = 0; column < SIDE_PX; column++) {
      const [u, v] = [left + column, top + (upwards ? SIDE_PX - 1 - row : row)];
      if (u < 0 || v < 0 || u >= W || v >= H) continue;
      for (let c = 0; c < 3; c++)
        out[(row * SIDE_PX + column) * 3 + c] = Math.round(255 * Math.min(1, pixels[(c * H + v) * W + u]));
    }
  const raw = { width: SIDE_PX, height: SIDE_PX, channels: 3 as const };
  return (await sharp(out, { raw }).resize(96, 96, { kernel: "nearest" }).jpeg({ quality: 90 }).toBuffer()).toString(
    "base64",
  );
}

/**
 * Writes `name`.svg and .webp into a folder: the surest finds, those that were barely found, every missed lens there is room for, and
 * the surest false alarms, at a score. Answers the picture's path.
 */
export async function drawFindings(
  folder: string,
  name: string,
  {
    fields,
    found,
    threshold,
    className,
  }: { fields: Field[]; found: Detection[][]; threshold: number; className: string },
): Promise<string> {
  const sure = found.map((own) => own.filter(({ score }) => score >= threshold));
  const { matched, wanted } = matchDetections(sure, fields, { class: className });
  const hits = matched.filter(({ truth, ignored }) => truth >= 0 && !ignored);
  const alarms = matched.filter(({ truth, ignored }) => truth < 0 && !ignored);
  const hit = new Set(hits.map(({ field, truth }) => `${field} ${truth}`));
  const missed = wanted.flatMap((own, field) =>
    own.flatMap((truth) => (hit.has(`${field} ${truth}`) ? [] : [{ field, truth }])),
  );
  const middle = ({ x1, x2, y1, y2 }: { x1: number; x2: number; y1: number; y2: number }) =>
    [(x1 + x2) / 2, (y1 + y2) / 2] as const;
  const ofDetections = (some: typeof matched, colour: string) =>
    Promise.all(
      some.map(async ({ field, detection }) => ({
        jpeg: await tileAt(fields[field], ...middle(detection)),
        colour,
        note: detection.score.toFixed(2),
      })),
    );
  const ofMissed = await Promise.all(
    missed.slice(0, 2 * COLUMNS).map(async ({ field, truth }) => {
      const one = fields[field].truths[truth];
      const radius = one.values?.einsteinRadiusArcsec;
      const note =
        typeof radius === "number" ? `${radius.toFixed(1)}" r ${Number(one.values?.sourceMagR).toFixed(1)}` : "";
      return { jpeg: await tileAt(fields[field], ...middle(one)), colour: WRONG, note };
    }),
  );
  const rows: SheetRow[] = [
    {
      text: `At score ${threshold}: ${hits.length} found, ${missed.length} missed, ${alarms.length} false alarms`,
      bold: true,
    },
    { text: "found, surest first" },
    { pictures: await ofDetections(hits.slice(0, COLUMNS), RIGHT) },
    { text: "found, barely" },
    { pictures: await ofDetections(hits.slice(-COLUMNS), RIGHT) },
    { text: "missed (Einstein radius, unlensed source)" },
    { pictures: ofMissed.slice(0, COLUMNS) },
    ...(ofMissed.length > COLUMNS ? [{ pictures: ofMissed.slice(COLUMNS) }] : []),
    { text: "taken for lenses, surest first" },
    { pictures: await ofDetections(alarms.slice(0, COLUMNS), WRONG) },
    ...(alarms.length > COLUMNS ? [{ pictures: await ofDetections(alarms.slice(COLUMNS, 2 * COLUMNS), WRONG) }] : []),
  ];
  return writeFigure(folder, name, sheetSvg(rows, COLUMNS));
}
