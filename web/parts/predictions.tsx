import { useEffect, useRef, useState } from "react";
import type { MostProbable, ObjectPrediction, PredictionSet } from "../../src/contract/predictions.ts";
import { api } from "../client/api.ts";
import { percent } from "./percent.ts";

/** What trained heads say of one object: every class with its probability, the most probable first. */
export function ObjectPredictions({ sets }: { sets: ObjectPrediction[] }) {
  return sets.map(({ name, column, classes, probabilities }) => (
    <section key={name} aria-label={`Predictions ${name}`} className="predictions">
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
  ));
}

/** Which predictions stand beside the scores of the ranking, and their text for the objects in sight. */
export function usePredictions(survey: string, objects: string[]) {
  const [sets, setSets] = useState<PredictionSet[]>([]);
  const [chosen, choose] = useState("");
  const [found, setFound] = useState<Map<string, MostProbable[number]>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    api.heads(survey).then(
      ({ predictions }) => setSets(predictions),
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
