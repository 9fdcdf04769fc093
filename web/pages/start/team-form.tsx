import type { Team } from "../../../src/contract/team.ts";
import { goldIn } from "./gold.ts";

/** How several people share a search, as the form holds it. */
export interface TeamSettings {
  /** "" leaves it to them: the latest label of an object counts. */
  mode: Team["mode"] | "";
  overlap: number;
  panel: number;
  weights: Team["weights"];
  /** Objects whose answer is known, as they are written (`goldIn`). */
  gold: string;
}

/** One object in ten is shown to two people; three answer each in a panel. */
export const ALONE: TeamSettings = { mode: "", overlap: 0.1, panel: 3, weights: "majority", gold: "" };

/** What a new session is told; undefined without a mode. Throws an Error where known answers cannot be read. */
export const teamOf = ({ mode, gold, ...rest }: TeamSettings): Team | undefined =>
  mode === "" ? undefined : { ...rest, mode, gold: goldIn(gold) };

const OVERLAPS = [0, 0.1, 0.2, 0.5, 1];
const PANELS = [2, 3, 4, 5];

/** How several people share the search: who sees what, what counts, and which answers are known. */
export function TeamForm({ team, onChange }: { team: TeamSettings; onChange(more: Partial<TeamSettings>): void }) {
  const { mode, overlap, panel, weights, gold } = team;
  return (
    <>
      <div className="settings">
        <label>
          <span>Several people</span>
          <select value={mode} onChange={(event) => onChange({ mode: event.target.value as TeamSettings["mode"] })}>
            <option value="">see each other's labels, the latest counts</option>
            <option value="shared">see each other's labels, the majority counts</option>
            <option value="blind">have a part of each page, blind</option>
            <option value="panel">answer each object several times, blind</option>
          </select>
        </label>
        {mode === "blind" && (
          <label>
            <span>Objects that two people get</span>
            <select value={overlap} onChange={(event) => onChange({ overlap: Number(event.target.value) })}>
              {OVERLAPS.map((share) => (
                <option key={share} value={share}>
                  {Math.round(100 * share)} %
                </option>
              ))}
            </select>
          </label>
        )}
        {mode === "panel" && (
          <label>
            <span>Answers an object</span>
            <select value={panel} onChange={(event) => onChange({ panel: Number(event.target.value) })}>
              {PANELS.map((count) => (
                <option key={count}>{count}</option>
              ))}
            </select>
          </label>
        )}
        {mode !== "" && (
          <label>
            <span>What counts</span>
            <select value={weights} onChange={(event) => onChange({ weights: event.target.value as Team["weights"] })}>
              <option value="majority">what most say</option>
              <option value="dawid-skene">more, who is more often right (Dawid and Skene)</option>
            </select>
          </label>
        )}
      </div>
      {mode !== "" && (
        <label className="gold">
          Known answers, to see who errs (optional): in each line an object's id, then yes or no
          <textarea
            rows={3}
            value={gold}
            placeholder={"object-17 yes\nobject-4 no"}
            onChange={(event) => onChange({ gold: event.target.value })}
          />
        </label>
      )}
    </>
  );
}
