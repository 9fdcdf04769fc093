import { useState } from "react";
import type { Column } from "../../../src/contract/api.ts";
import { recall, remember } from "../../actions/memory.ts";
import { exportUrl, reportUrl } from "../../client/api.ts";
import { Download } from "../../parts/download.tsx";

const FORMATS = [
  ["csv", "CSV"],
  ["parquet", "Parquet"],
  ["fits", "FITS"],
  ["votable", "VOTable"],
] as const;
const ON_REQUEST = ["rank", "reason", "time", "file"];

/** Columns that an export holds beside id, position, score, label, tags, round and who. */
export function useExportColumns() {
  const [columns, setColumns] = useState<string[]>(recall("export", []));
  const toggle = (name: string) => {
    const next = columns.includes(name) ? columns.filter((one) => one !== name) : [...columns, name];
    remember("export", next);
    setColumns(next);
  };
  return { columns, toggle };
}

/** The formats to export as. */
export function ExportLinks({
  id,
  query,
  total,
  columns,
}: {
  id: string;
  query: URLSearchParams;
  total: number;
  columns: string[];
}) {
  return (
    <span className="export">
      <span className="hint">
        {query.size === 0 ? "Export all as" : `Export these ${total.toLocaleString("en-US")} as`}
      </span>
      {FORMATS.map(([format, name]) => (
        <Download key={format} className="button" href={exportUrl(id, format, query, columns)}>
          {name}
        </Download>
      ))}
      <Download className="button" href={reportUrl(id)}>
        Report
      </Download>
    </span>
  );
}

/** Which columns an export holds. */
export function ExportPanel({
  catalogue,
  columns,
  onToggle,
}: {
  catalogue: Column[];
  columns: string[];
  onToggle(name: string): void;
}) {
  const names = [...ON_REQUEST, ...catalogue.filter(({ filled }) => filled > 0).map(({ name }) => name)];
  return (
    <fieldset className="panel" aria-label="Columns of the export">
      <span className="hint">Beside id, ra, dec, score, label, tags, round and who:</span>
      {[...new Set(names)].map((name) => (
        <label key={name}>
          <input type="checkbox" checked={columns.includes(name)} onChange={() => onToggle(name)} /> {name}
        </label>
      ))}
    </fieldset>
  );
}
