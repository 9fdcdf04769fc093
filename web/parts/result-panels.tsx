import { useState } from "react";
import type { Column, Session } from "../../src/contract/api.ts";
import type { Imported } from "../../src/contract/insight.ts";
import { useWho } from "../actions/memory.ts";
import { api } from "../client/api.ts";

/** What the ranking is filtered by; empty texts are no condition. */
export interface Filter {
  label: string;
  minScore: string;
  maxScore: string;
  tag: string;
  column: string;
  least: string;
  greatest: string;
  equals: string;
  ra: string;
  dec: string;
  radius: string;
  compare: string;
  agreement: string;
  order: string;
}

/** A filter that lets everything through. */
export const NO_FILTER: Filter = {
  label: "",
  minScore: "",
  maxScore: "",
  tag: "",
  column: "",
  least: "",
  greatest: "",
  equals: "",
  ra: "",
  dec: "",
  radius: "",
  compare: "",
  agreement: "",
  order: "score",
};

/** Puts the conditions that are complete into a query. */
export function addFilter(query: URLSearchParams, filter: Filter): void {
  const {
    label,
    minScore,
    maxScore,
    tag,
    column,
    least,
    greatest,
    equals,
    ra,
    dec,
    radius,
    compare,
    agreement,
    order,
  } = filter;
  const add = (values: Record<string, string>) => {
    for (const [name, value] of Object.entries(values)) if (value !== "") query.set(name, value);
  };
  const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));
  const number = (text: string) => (isNumber(text) ? text : "");
  const numbers = [ra, dec, radius].every(isNumber);
  add({ label, minScore: number(minScore), maxScore: number(maxScore), tag });
  if (column !== "" && (least !== "" || greatest !== "" || equals !== ""))
    add({ column, least: number(least), greatest: number(greatest), equals });
  if (numbers && Number(radius) > 0) add({ ra, dec, radius });
  if (compare !== "") add({ compare, agreement });
  if (order !== "score" && (order !== "difference" || compare !== "")) add({ order });
}

interface PanelProps {
  filter: Filter;
  onFilter(filter: Filter): void;
}

/** Fields that narrow the ranking by label, score, tag, column and region of the sky. */
export function FilterPanel({ filter, columns, tags, onFilter }: PanelProps & { columns: Column[]; tags: string[] }) {
  const set = (change: Partial<Filter>) => onFilter({ ...filter, ...change });
  const text = (name: keyof Filter, label: string, width = "6rem") => (
    <label>
      <span>{label}</span>
      <input
        type="text"
        value={filter[name]}
        style={{ width }}
        onChange={(event) => set({ [name]: event.target.value })}
      />
    </label>
  );
  const numeric = columns.find(({ name }) => name === filter.column)?.type === "number";
  return (
    <fieldset className="panel" aria-label="Filter">
      <label>
        <span>Tag</span>
        <select value={filter.tag} onChange={(event) => set({ tag: event.target.value })}>
          <option value="">any</option>
          {tags.map((tag) => (
            <option key={tag} value={tag}>
              {tag}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Column</span>
        <select
          value={filter.column}
          onChange={(event) => set({ column: event.target.value, least: "", greatest: "", equals: "" })}
        >
          <option value="">any</option>
          {columns
            .filter(({ filled }) => filled > 0)
            .map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
        </select>
      </label>
      {filter.column !== "" &&
        (numeric
          ? [text("least", "from"), text("greatest", "to")].map((field, i) => (
              <span key={i === 0 ? "from" : "to"}>{field}</span>
            ))
          : text("equals", "is"))}
      {text("ra", "RA (deg)")}
      {text("dec", "Dec (deg)")}
      {text("radius", "Radius (deg)", "4rem")}
      <label>
        <span>Order</span>
        <select value={filter.order} onChange={(event) => set({ order: event.target.value })}>
          <option value="score">score</option>
          <option value="id">id</option>
        </select>
      </label>
      <button type="button" className="quiet" onClick={() => onFilter(NO_FILTER)}>
        Clear
      </button>
    </fieldset>
  );
}

/** Fields that put another session beside this one. */
export function ComparePanel({ filter, others, onFilter }: PanelProps & { others: Session[] }) {
  const set = (change: Partial<Filter>) => onFilter({ ...filter, ...change });
  if (others.length === 0) return <p className="hint">There is no other session on this survey to compare with.</p>;
  return (
    <fieldset className="panel" aria-label="Compare">
      <label>
        <span>With</span>
        <select
          value={filter.compare}
          onChange={(event) =>
            set({
              compare: event.target.value,
              ...(event.target.value === "" ? { agreement: "", order: "score" } : {}),
            })
          }
        >
          <option value="">no session</option>
          {others.map(({ session, target, createdBy }) => (
            <option key={session} value={session}>
              {target} ({createdBy}, {session})
            </option>
          ))}
        </select>
      </label>
      {filter.compare !== "" && (
        <>
          <label>
            <span>Labels</span>
            <select value={filter.agreement} onChange={(event) => set({ agreement: event.target.value })}>
              <option value="">any</option>
              <option value="differ">differ</option>
              <option value="agree">agree</option>
            </select>
          </label>
          <label>
            <span>Order</span>
            <select value={filter.order} onChange={(event) => set({ order: event.target.value })}>
              <option value="score">score</option>
              <option value="difference">largest difference of scores</option>
            </select>
          </label>
          <p className="hint">Under each picture: rank, score here | score there.</p>
        </>
      )}
    </fieldset>
  );
}

/** A table of labels: looked at first, with its conflicts; saved as the person's own opinions. */
export function ImportPanel({ session, onSaved }: { session: string; onSaved(): void }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Imported | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const who = useWho();
  const send = async (table: string, apply: boolean) => {
    try {
      setFound(await api.importLabels(session, who, table, apply));
      setFailure(null);
      if (apply) onSaved();
    } catch (error) {
      setFound(null);
      setFailure((error as Error).message);
    }
  };
  return (
    <fieldset className="panel" aria-label="Import labels">
      <label className="button">
        Choose a table (CSV with id and label)
        <input
          type="file"
          accept=".csv,.tsv,.txt"
          className="file"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file === undefined) return;
            void file.text().then((table) => {
              setText(table);
              void send(table, false);
            });
          }}
        />
      </label>
      {failure !== null && (
        <p className="notice" role="alert">
          {failure}
        </p>
      )}
      {found !== null && (
        <div role="status">
          <p>
            {found.fresh} new labels, {found.same} the same as here, {found.conflicts.length} that differ,{" "}
            {found.unknown.length} of objects that are not in this survey.
          </p>
          {found.conflicts.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">Object</th>
                  <th scope="col">Here</th>
                  <th scope="col">In the table</th>
                </tr>
              </thead>
              <tbody>
                {found.conflicts.slice(0, 12).map(({ object, here, who, imported }) => (
                  <tr key={object}>
                    <th scope="row">{object}</th>
                    <td>
                      {here} ({who})
                    </td>
                    <td>{imported}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {found.saved ? (
            <p>Saved. Where they differ both opinions are kept.</p>
          ) : (
            <button
              type="button"
              className="main"
              disabled={found.fresh + found.conflicts.length === 0}
              onClick={() => void send(text, true)}
            >
              Save {found.fresh + found.conflicts.length} labels as {who}
            </button>
          )}
        </div>
      )}
    </fieldset>
  );
}
