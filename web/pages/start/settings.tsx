/** How many objects a page shows, how many of them at random, and whose features are used. */
export interface Settings {
  pageSize: number;
  randomPicks: number;
  model: string;
  /** How several people share the search; "" leaves it to them. */
  team: "" | "blind" | "panel";
  /** With several people: objects whose answer is known, as they are written (`goldIn`). */
  gold: string;
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

/** Size of a page, how many of it are random, and by which features objects are compared. */
export function SettingsForm({ settings: { pageSize, randomPicks, model, team, gold }, models, onChange }: Props) {
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
        <label>
          <span>Several people</span>
          <select value={team} onChange={(event) => onChange({ team: event.target.value as Settings["team"] })}>
            <option value="">see each other's labels</option>
            <option value="blind">have a part of each page, blind</option>
            <option value="panel">answer each object three times, blind</option>
          </select>
        </label>
      </div>
      {team !== "" && (
        <label className="gold">
          Known answers, to see who errs (optional): an object's id and yes or no a line
          <textarea
            rows={3}
            value={gold}
            placeholder={"object-17 yes\nobject-4 no"}
            onChange={(event) => onChange({ gold: event.target.value })}
          />
        </label>
      )}
      <p className="hint">
        Random picks are a fair sample of the survey. They tell how many objects of this kind there are, and what
        labelling at random would find.
      </p>
    </>
  );
}
