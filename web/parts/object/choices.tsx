import type { LabelValue } from "../../../src/contract/api.ts";
import type { Keys } from "../../actions/keys.ts";

const CHOICES = [
  ["positive", "Positive"],
  ["negative", "Negative"],
  ["unsure", "Unsure"],
  ["clear", "No label"],
] as const;

/** The label of one object, to be changed. */
export function LabelChoices({
  label,
  keys,
  onLabel,
}: {
  label: LabelValue | null;
  keys: Keys;
  onLabel(value: LabelValue): void;
}) {
  return (
    <fieldset className="choices" aria-label="Label">
      {CHOICES.map(([value, name]) => (
        <button
          key={value}
          type="button"
          className={value}
          aria-pressed={(label ?? "clear") === value}
          title={`${name} (${keys[value]})`}
          onClick={() => onLabel(value)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}

/** One object back and forth in a list. */
export function Steps({ place, of, onStep }: { place: number; of: number; onStep(by: 1 | -1): void }) {
  if (place < 0 || of < 2) return null;
  return (
    <p className="steps">
      <button
        type="button"
        aria-label="Previous object"
        title="Previous object (←)"
        disabled={place === 0}
        onClick={() => onStep(-1)}
      >
        ←
      </button>
      <span className="hint">
        {place + 1} of {of}
      </span>
      <button
        type="button"
        aria-label="Next object"
        title="Next object (→)"
        disabled={place === of - 1}
        onClick={() => onStep(1)}
      >
        →
      </button>
    </p>
  );
}
