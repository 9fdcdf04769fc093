import { TeamForm, type TeamSettings } from "./team-form.tsx";

/** How many objects a page shows, how many of them at random, whose features are used, and how people share it. */
export interface Settings {
  pageSize: number;
  randomPicks: number;
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

/** Size of a page, how many of it are random, by which features objects are compared, and how people share it. */
export function SettingsForm({ settings: { pageSize, randomPicks, model, team }, models, onChange }: Props) {
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
        labelling at random would find.
      </p>
    </>
  );
}
