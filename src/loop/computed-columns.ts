/**
 * What was computed of a survey's objects (measurements, predicted parameters, probabilities) as further columns of its
 * catalogue, so that filters, exports, maps and searches by a column need not know the difference.
 */
import { listPredictions, readPredictions } from "../store/predictions.ts";
import { type CatalogueColumn, columnOver } from "../survey/columns.ts";
import type { Survey } from "../survey/folder.ts";

type KeptSet = ReturnType<typeof listPredictions>[number];

/** Columns of one kept table, made when first asked for. */
interface KeptTable {
  madeAt: string;
  columns: Map<string, CatalogueColumn>;
  values: Float32Array | null;
}

/** Name of a computed column in the catalogue: that of its table, a point, its own. */
function computedName(table: string, column: string): string {
  return `${table}.${column}`;
}

function columnFrom(name: string, values: Float32Array, at: number, columns: number): CatalogueColumn {
  const count = values.length / columns;
  const numbers = new Float64Array(count);
  const missing = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const value = values[row * columns + at];
    if (Number.isFinite(value)) numbers[row] = value;
    else missing[row] = 1;
  }
  return columnOver(name, "number", { kind: "numbers", values: numbers, missing });
}

/**
 * The survey with the columns of its kept tables of one row an object, as TABLE.COLUMN. Tables that are made, replaced
 * or removed later show at once. Its catalogue's own columns go first where names are equal.
 */
export function withComputed(survey: Survey): Survey {
  const { folder } = survey;
  const tables = new Map<string, KeptTable>();
  const sets = () => listPredictions(folder, survey.header.dataHash).filter(({ shape }) => shape === "row");
  const read = (set: KeptSet, k: number): CatalogueColumn => {
    let table = tables.get(set.name);
    if (table?.madeAt !== set.madeAt) {
      table = { madeAt: set.madeAt, columns: new Map(), values: null };
      tables.set(set.name, table);
    }
    const { name } = set.columns[k];
    let column = table.columns.get(name);
    if (column === undefined) {
      table.values ??= readPredictions(folder, set).values;
      column = columnFrom(computedName(set.name, name), table.values, k, set.columns.length);
      table.columns.set(name, column);
    }
    return column;
  };
  const find = (wanted: string): CatalogueColumn | undefined => {
    for (const set of sets()) {
      if (!wanted.startsWith(`${set.name}.`)) continue;
      const k = set.columns.findIndex(({ name }) => computedName(set.name, name) === wanted);
      if (k >= 0) return read(set, k);
    }
    return undefined;
  };
  return Object.create(survey, {
    columns: {
      get: (): Survey["columns"] => [
        ...survey.columns,
        ...sets().flatMap((set) =>
          set.columns.map(({ name, unit, about, ucd }) => ({
            name: computedName(set.name, name),
            type: "number" as const,
            ...(unit === undefined ? {} : { unit }),
            ...(about === undefined ? {} : { about }),
            ...(ucd === undefined ? {} : { ucd }),
          })),
        ),
      ],
    },
    column: { value: (name: string) => survey.column(name) ?? find(name) },
  }) as Survey;
}
