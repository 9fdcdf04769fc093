/** The IVOA's Simple Cone Search (recommendation 1.03) over a survey's catalogue: parameters as text in, a VOTable out. */
import { messageOf, SkyloopError } from "../base/errors.ts";
import type { Cell, CellType } from "../survey/duck.ts";
import type { Survey } from "../survey/folder.ts";
import { type DescribedColumn, voError, voTable } from "../survey/votable.ts";
import { ConeIndex, type Near } from "./cone-index.ts";
import type { Sky } from "./sky-index.ts";

/** RA, DEC, SR and what else stands in the address; names in any case. */
export type ConeParameters = Record<string, string>;

/** More rows than these are not given; the table says so. */
const MOST_ROWS = 100_000;

const indexes = new WeakMap<Survey, ConeIndex>();

/** The positions of a survey's catalogue, for searches. */
export function catalogueSky(survey: Survey): Sky {
  const [ra, dec] = [survey.column("ra"), survey.column("dec")];
  const at = (column: typeof ra) => (row: number) => (column?.at(row) ?? null) as number | null;
  return { count: survey.count, ra: at(ra), dec: at(dec) };
}

/** The index of a survey's positions, made once. */
export function coneIndexOf(survey: Survey): ConeIndex {
  const known = indexes.get(survey);
  if (known !== undefined) return known;
  const made = new ConeIndex(catalogueSky(survey));
  indexes.set(survey, made);
  return made;
}

/** Answers a request; mistakes of the client are a VOTable too, as the recommendation wants it. */
export function coneSearch(survey: Survey, given: ConeParameters): string {
  try {
    const { raDeg, decDeg, radiusDeg, verbosity, most } = parametersOf(given);
    const found = radiusDeg === 0 || most === 0 ? [] : coneIndexOf(survey).within(raDeg, decDeg, radiusDeg);
    return voTable(columnsOf(survey, found.slice(0, most), verbosity), {
      description: `Objects of ${survey.header.title} within ${radiusDeg} deg of ${raDeg} ${decDeg} (ICRS)`,
      infos: {
        QUERY_STATUS: found.length > most ? "OVERFLOW" : "OK",
        creator: "Skyloop",
        survey: survey.name,
        data_hash: survey.header.dataHash,
      },
    });
  } catch (cause) {
    if (cause instanceof SkyloopError) return voError(messageOf(cause));
    throw cause;
  }
}

function parametersOf(given: ConeParameters) {
  const named = new Map(Object.entries(given).map(([name, value]) => [name.toUpperCase(), value]));
  const number = (name: string, least: number, greatest: number, otherwise?: number) => {
    const text = named.get(name);
    const value = text === undefined || text.trim() === "" ? otherwise : Number(text);
    if (value === undefined || !(value >= least && value <= greatest))
      throw new SkyloopError(
        "BAD_REQUEST",
        `${name} is a number from ${least} to ${greatest}${text === undefined ? ", and it is missing" : `, not ${text}`}`,
      );
    return value;
  };
  return {
    raDeg: number("RA", 0, 360),
    decDeg: number("DEC", -90, 90),
    radiusDeg: number("SR", 0, 180),
    verbosity: number("VERB", 1, 3, 2),
    most: Math.floor(number("MAXREC", 0, MOST_ROWS, MOST_ROWS)),
  };
}

/** Columns by verbosity: 1 the position and the distance, 2 what Skyloop knows, 3 the user's own columns too. */
function columnsOf(survey: Survey, found: Near[], verbosity: number): DescribedColumn[] {
  const values = (name: string): Cell[] => {
    const column = survey.column(name);
    return found.map(({ row }) => (column?.at(row) ?? null) as Cell);
  };
  const own = (name: string, type: CellType, ucd: string, description: string, unit?: string): DescribedColumn => ({
    name,
    type,
    ucd,
    description,
    values: values(name),
    ...(unit === undefined ? {} : { unit }),
  });
  // The recommendation wants these three UCDs of the first kind.
  const always: DescribedColumn[] = [
    own("id", "string", "ID_MAIN", "object of the survey's catalogue"),
    own("ra", "number", "POS_EQ_RA_MAIN", "right ascension (ICRS)", "deg"),
    own("dec", "number", "POS_EQ_DEC_MAIN", "declination (ICRS)", "deg"),
    {
      name: "separation",
      type: "number",
      unit: "deg",
      ucd: "pos.angDistance",
      description: "distance from the position that was asked for",
      values: found.map(({ separationDeg }) => separationDeg),
    },
  ];
  if (verbosity < 2) return always;
  const known = [
    own("source", "string", "meta.id;meta.file", "file that the object was taken from"),
    own("quality", "integer", "meta.code.qual", "bit mask: 1 NaN, 2 a constant band, 4 over the edge, 8 many zeros"),
  ];
  if (verbosity < 3) return [...always, ...known];
  const taken = new Set([...always, ...known].map(({ name }) => name.toLowerCase()));
  const users = survey.columns.map(
    ({ name, type }): DescribedColumn => ({
      name: taken.has(name.toLowerCase()) ? `catalogue_${name}` : name,
      type: type === "number" ? "number" : type === "boolean" ? "boolean" : "string",
      description: `column ${name} of the survey's catalogue`,
      values: values(name),
    }),
  );
  return [...always, ...known, ...users];
}
