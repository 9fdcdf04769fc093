import type { Unlabelled } from "../../../src/contract/api.ts";
import { TeamForm, type TeamSettings } from "./team-form.tsx";

/** How many objects a page shows, how many of them at random, what else is learned from, features, and who shares it. */
export interface Settings {
  pageSize: number;
  randomPicks: number;
  unlabelled: Unlabelled;
  model: string;
  team: TeamSettings;
}

interface Props {
  settings: Settings;
  models: string[];
  onChange(more: Partial<Settings>): void;
}

const options = (values: readonly (number | string)[]) =>
  values.map((value) => (
    <option key={value} value={value}>
      {value}
    </option>
  ));

/** Size of a page, how many of it are random, what else is learned from, the features, and how people share it. */
export function SettingsForm({ settings, models, onChange }: Props) {
  const { pageSize, randomPicks, unlabelled, model, team } = settings;
  return (
    <>
      <div className="settings">
        <label>
          <span>Objects a page</span>
          <select value={pageSize} onChange={(event) => onChange({ pageSize: Number(event.target.value) })}>
            {options([12, 24, 48, 96])}
          </select>
        </label>
        <label>
          <span>of them at random</span>
          <select value={randomPicks} onChange={(event) => onChange({ randomPicks: Number(event.target.value) })}>
            {options([0, 2, 4, 8])}
          </select>
        </label>
        <label>
          <span>Unlabelled objects as negatives</span>
          <select value={unlabelled} onChange={(event) => onChange({ unlabelled: event.target.value as Unlabelled })}>
            <option value="fading">while few answers are positive</option>
            <option value="always">always</option>
          </select>
        </label>
        {models.length > 1 && (
          <label>
            <span>Features</span>
            <select value={model} onChange={(event) => onChange({ model: event.target.value })}>
              {options(models)}
            </select>
          </label>
        )}
      </div>
      <TeamForm team={team} onChange={(more) => onChange({ team: { ...team, ...more } })} />
      <p className="hint">
        Random picks are a fair sample of the survey. They tell how many objects of this kind there are, and what
        labelling at random would find. A hundred unlabelled objects stand for negatives, too. If they always do, pages
        hold more of most kinds (of common ones 1.06 to 1.19 times as many in tests), and common kinds are ranked worse
        at the end.
      </p>
    </>
  );
}
