/** What a survey holds, for `survey info`. */
import { printable } from "../base/markup.ts";
import { openSurvey } from "./folder.ts";
import { UNKNOWN_UNIT, unitFactor } from "./units.ts";

/** Letters of a column's value that a terminal is shown. */
const LONGEST_VALUE = 40;

/** What `survey info` prints: header, sizes of stamps, columns with their values, problems by code. */
export interface SurveySummary {
  title: string;
  count: number;
  kind: string;
  bands: string[];
  unit: string;
  pixelScaleArcsec: number | null;
  adaptiveCrop: boolean;
  dataHash: string;
  /** Stamps of each size, most frequent first. */
  sizes: { widthPx: number; heightPx: number; count: number }[];
  withPosition: number;
  flagged: number;
  columns: { name: string; type: string; filled: number; values: { value: string; count: number }[] }[];
  problems: { code: string; count: number; kept: boolean; examples: { source: string; message: string }[] }[];
}

function tally<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return new Map([...groups].sort((a, b) => b[1].length - a[1].length));
}

/** Reads a survey's header, catalogue and problems and counts them. Throws SURVEY_MISSING or SURVEY_BROKEN. */
export async function surveySummary(folder: string): Promise<SurveySummary> {
  const survey = await openSurvey(folder);
  const { header, rows, problems } = survey;
  const values = rows.map((row) => row.columns);
  survey.close();
  return {
    title: header.title,
    count: header.count,
    kind: header.kind,
    bands: header.bands,
    unit: header.unit,
    pixelScaleArcsec: header.pixelScaleArcsec,
    adaptiveCrop: header.adaptiveCrop,
    dataHash: header.dataHash,
    sizes: [...tally(rows, (row) => `${row.widthPx}x${row.heightPx}`).values()].map((group) => ({
      widthPx: group[0].widthPx,
      heightPx: group[0].heightPx,
      count: group.length,
    })),
    withPosition: rows.filter((row) => row.raDeg !== null).length,
    flagged: rows.filter((row) => row.quality !== 0).length,
    columns: survey.columns.map(({ name, type }) => {
      const filled = values.map((row) => row[name]).filter((value) => value !== null && value !== "");
      const groups = tally(filled.map(String), (value) => value);
      return {
        name,
        type,
        filled: filled.length,
        values: groups.size <= 20 ? [...groups].map(([value, group]) => ({ value, count: group.length })) : [],
      };
    }),
    problems: [...tally(problems, ({ code, kept }) => `${code} ${kept}`).values()].map((group) => ({
      code: group[0].code,
      count: group.length,
      kept: group[0].kept,
      examples: group.slice(0, 3).map(({ source, message }) => ({ source, message })),
    })),
  };
}

/** The summary as text for a terminal. */
export async function describeSurvey(folder: string): Promise<string> {
  const summary = await surveySummary(folder);
  const sizes = summary.sizes
    .slice(0, 4)
    .map(({ widthPx, heightPx, count }) => `${count} of ${widthPx} x ${heightPx} px`);
  const lines = [
    `${summary.title}: ${summary.count} stamps, ${summary.kind} (${summary.bands.join(", ")})${summary.kind === "flux" ? ` in ${summary.unit}` : ""}`,
    `  sizes      ${sizes.join(", ")}${summary.sizes.length > 4 ? `, and ${summary.sizes.length - 4} other sizes` : ""}`,
    `  scale      ${summary.pixelScaleArcsec === null ? "unknown" : `${summary.pixelScaleArcsec.toFixed(4)} arcsec/px`}; ${summary.adaptiveCrop ? "cropped to the galaxy" : "not cropped"} for models`,
    ...(summary.kind === "flux" && unitFactor(summary.unit, "nanomaggy") === null
      ? [
          `  brightness each stamp is shown, and seen by models, between its own sky and its brightest pixels: ${summary.unit === UNKNOWN_UNIT ? "no BUNIT says what the values are in" : `nothing says how bright 1 ${summary.unit} is`}`,
        ]
      : []),
    `  positions  ${summary.withPosition} of ${summary.count}; quality flags on ${summary.flagged}`,
    ...summary.columns.map(
      ({ name, type, filled, values }) =>
        `  column     ${name} (${type}), ${filled} filled${
          values.length > 0
            ? `: ${values
                .slice(0, 8)
                .map(({ value, count }) => `${printable(value, LONGEST_VALUE)} ${count}`)
                .join(", ")}${values.length > 8 ? ", …" : ""}`
            : ""
        }`,
    ),
    summary.problems.length === 0 ? "  problems   none" : "  problems   (all in problems.json)",
    ...summary.problems.flatMap(({ code, count, kept, examples }) => [
      `    ${count} x ${code}${kept ? " (taken in all the same)" : ""}`,
      ...examples.map(({ source, message }) => `        ${source}: ${message}`),
    ]),
  ];
  return `${printable(lines.join("\n"))}\n`;
}
