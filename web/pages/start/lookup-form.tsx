import type { Draft, ExampleLabel } from "./draft.ts";

interface Props {
  draft: Draft;
  missing: string[];
  found: boolean;
  onChange(more: Partial<Draft>): void;
  onAll(value: ExampleLabel): void;
}

/** Ids and positions, typed, pasted or uploaded. */
export function LookupForm({ draft: { ids, radiusArcsec }, missing, found, onChange, onAll }: Props) {
  return (
    <form
      className="lookup"
      onSubmit={(event) => {
        event.preventDefault();
        onChange({ asked: ids });
      }}
    >
      <textarea
        value={ids}
        rows={4}
        aria-label="Ids or positions, one a line"
        placeholder={
          "one a line: an id, a position, or a position and a radius in arcsec\n150.1163 2.2058\n10:00:27.9 +02:12:21\n150.1163 2.2058 60"
        }
        onChange={(event) => onChange({ ids: event.target.value })}
      />
      <div>
        <button type="submit">Show</button>
        <label>
          within{" "}
          <input
            type="number"
            min="0.1"
            max="3600"
            step="any"
            value={radiusArcsec}
            aria-label="Radius in arcseconds"
            onChange={(event) => onChange({ radiusArcsec: Number(event.target.value) || 5 })}
          />{" "}
          arcsec
        </label>
        <label className="button">
          Upload a list
          <input
            type="file"
            accept=".csv,.tsv,.txt,.dat"
            className="file"
            onChange={(event) => {
              const [file] = event.target.files ?? [];
              if (file !== undefined) void file.text().then((text) => onChange({ ids: text, asked: text }));
            }}
          />
        </label>
        {found && (
          <>
            <button type="button" onClick={() => onAll("positive")}>
              All positive
            </button>
            <button type="button" onClick={() => onAll("negative")}>
              All negative
            </button>
          </>
        )}
      </div>
      {missing.length > 0 && (
        <p className="hint" role="status">
          Not in this survey: {missing.slice(0, 8).join("; ")}
          {missing.length > 8 && ` and ${missing.length - 8} more`}
        </p>
      )}
    </form>
  );
}
