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
const ON_REQUEST = ["rank", "reason", "time", "file", "answers", "agreed"];
/** What the columns say whose name does not. */
const MEANING: Record<string, string> = {
  answers: "what each person says",
  agreed: "what the answers of several people come to",
};

/** Columns that an export holds beside id, position, score, label, tags, round and who; and how it names people. */
export function useExportColumns() {
  const [columns, setColumns] = useState<string[]>(recall("export", []));
  const toggle = (name: string) => {
    const next = columns.includes(name) ? columns.filter((one) => one !== name) : [...columns, name];
    remember("export", next);
    setColumns(next);
  };
  const [pseudonyms, setPseudonyms] = useState<boolean>(recall("exportPseudonyms", false));
  const hideNames = (hidden: boolean) => {
    remember("exportPseudonyms", hidden);
    setPseudonyms(hidden);
  };
  return { columns, toggle, pseudonyms, hideNames };
}

/** The formats to export as. */
export function ExportLinks({
  id,
  query,
  total,
  columns,
  pseudonyms,
}: {
  id: string;
  query: URLSearchParams;
  total: number;
  columns: string[];
  pseudonyms: boolean;
}) {
  return (
    <span className="export">
      <span className="hint">
        {query.size === 0 ? "Export all as" : `Export these ${total.toLocaleString("en-US")} as`}
      </span>
      {FORMATS.map(([format, name]) => (
        <Download key={format} className="button" href={exportUrl(id, format, query, columns, pseudonyms)}>
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
  choice: { columns, toggle, pseudonyms, hideNames },
}: {
  catalogue: Column[];
  choice: ReturnType<typeof useExportColumns>;
}) {
  const names = [...ON_REQUEST, ...catalogue.filter(({ filled }) => filled > 0).map(({ name }) => name)];
  return (
    <fieldset className="panel" aria-label="Columns of the export">
      <span className="hint">Beside id, ra, dec, score, label, tags, round and who:</span>
      {[...new Set(names)].map((name) => (
        <label key={name} title={MEANING[name]}>
          <input type="checkbox" checked={columns.includes(name)} onChange={() => toggle(name)} /> {name}
        </label>
      ))}
      <label title="“person 1” and so on, in the order of their first labels">
        <input type="checkbox" checked={pseudonyms} onChange={() => hideNames(!pseudonyms)} /> pseudonyms in place of
        names
      </label>
    </fieldset>
  );
}
