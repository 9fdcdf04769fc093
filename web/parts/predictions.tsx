import { useEffect, useRef, useState } from "react";
import type { MostProbable, ObjectPrediction, PredictionSet } from "../../src/contract/predictions.ts";
import { api } from "../client/api.ts";
import { percent } from "./percent.ts";

/** What was computed of one object: every class with its probability, the most probable first; tables of numbers. */
export function ObjectPredictions({ sets }: { sets: ObjectPrediction[] }) {
  return sets.map((set) =>
    set.classes.length > 0 ? (
      <Probabilities key={set.name} set={set} />
    ) : set.rows.length === 1 ? (
      <Numbers key={set.name} set={set} />
    ) : (
      <Rows key={set.name} set={set} />
    ),
  );
}

function Probabilities({ set: { name, column, classes, probabilities } }: { set: ObjectPrediction }) {
  return (
    <section aria-label={`Predictions ${name}`} className="predictions">
      <h3>
        {column} <span className="hint">predicted by {name}</span>
      </h3>
      <ul className="plain">
        {classes
          .map((known, k) => ({ known, share: probabilities[k] }))
          .sort((a, b) => b.share - a.share)
          .slice(0, 6)
          .map(({ known, share }) => (
            <li key={known}>
              <span>{known}</span>
              <meter min="0" max="1" value={share} aria-label={`${known} ${percent(share)}`} />
              <span className="hint">{percent(share)}</span>
            </li>
          ))}
      </ul>
    </section>
  );
}

/** Ends of intervals stand behind their value, not on lines of their own. */
const INTERVAL = /_(lo|hi)(68|90)$/;
const short = (value: number | null | undefined) => (value == null ? "none" : String(Number(value.toPrecision(5))));

/** Flags in words, as the column names its bits. */
function flagsOf(value: number | null | undefined, bits: string[]): string {
  if (!value) return short(value);
  return bits.filter((_, bit) => Math.floor(value / 2 ** bit) % 2 === 1).join(", ") || short(value);
}

/** Numbers of one object, each with its unit and, where there is one, its interval. */
function Numbers({ set: { name, columns, rows } }: { set: ObjectPrediction }) {
  const numberOf = (wanted: string) => rows[0][columns.findIndex((column) => column.name === wanted)];
  return (
    <section aria-label={`Table ${name}`}>
      <h3>{name}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <div className="row" tabIndex={0}>
        <table>
          <tbody>
            {columns
              .filter((column) => !INTERVAL.test(column.name))
              .map(({ name: column, unit, about, bits }) => (
                <tr key={column} title={about}>
                  <th scope="row">{column}</th>
                  <td>
                    {bits === undefined ? short(numberOf(column)) : flagsOf(numberOf(column), bits)} {unit ?? ""}
                    {numberOf(`${column}_lo68`) != null && (
                      <span className="hint">
                        {" "}
                        {short(numberOf(`${column}_lo68`))} to {short(numberOf(`${column}_hi68`))} (68 %)
                      </span>
                    )}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Of a list more rows are counted only. */
const ROWS = 20;

/** What was found on one object: a row each, such as boxes. */
function Rows({ set: { name, columns, rows } }: { set: ObjectPrediction }) {
  return (
    <section aria-label={`Table ${name}`}>
      <h3>
        {name} <span className="hint">{rows.length === 0 ? "found nothing here" : `found ${rows.length}`}</span>
      </h3>
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <div className="row" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map(({ name: column, unit, about }) => (
                  <th key={column} scope="col" title={about}>
                    {column}
                    {unit === undefined ? "" : ` (${unit})`}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, ROWS).map((row) => (
                <tr key={row.join()}>
                  {row.map((value, k) => (
                    <td key={columns[k].name}>{short(value)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length > ROWS && <p className="hint">and {rows.length - ROWS} more</p>}
        </div>
      )}
    </section>
  );
}

/** Which predictions stand beside the scores of the ranking, and their text for the objects in sight. */
export function usePredictions(survey: string, objects: string[]) {
  const [sets, setSets] = useState<PredictionSet[]>([]);
  const [chosen, choose] = useState("");
  const [found, setFound] = useState<Map<string, MostProbable[number]>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    api.heads(survey).then(
      ({ predictions }) => setSets(predictions.filter(({ classes }) => classes.length > 0)),
      () => {},
    );
  }, [survey]);
  const take = (name: string) => {
    asked.current = new Set();
    setFound(new Map());
    choose(name);
  };
  useEffect(() => {
    const mine = asked.current;
    const missing = chosen === "" ? [] : objects.filter((object) => !mine.has(object));
    if (missing.length === 0) return;
    for (const object of missing) mine.add(object);
    api.mostProbable(survey, chosen, missing).then(
      (rows) => {
        if (asked.current === mine)
          setFound((before) => new Map([...before, ...rows.map((row) => [row.object, row] as const)]));
      },
      () => {
        for (const object of missing) mine.delete(object);
      },
    );
  }, [survey, chosen, objects]);
  const textOf = (object: string): string | undefined => {
    const row = found.get(object);
    return row === undefined ? undefined : `${row.predicted} ${percent(row.confidence)}`;
  };
  return { sets, chosen, take, textOf };
}

/** The choice of predictions; nothing where the survey has none. */
export function PredictionChoice({ sets, chosen, take }: ReturnType<typeof usePredictions>) {
  if (sets.length === 0) return null;
  return (
    <label>
      <span>Predictions</span>
      <select value={chosen} onChange={(event) => take(event.target.value)}>
        <option value="">none</option>
        {sets.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
