import type { LabelValue } from "../../../src/contract/api.ts";

/** On a phone: the labels for the object in hand, under the thumb. */
export function PhoneBar({ onLabel, onOpen }: { onLabel(value: LabelValue): void; onOpen(): void }) {
  return (
    <div className="phone-bar" role="toolbar" aria-label="Label the framed object">
      <button type="button" className="negative" onClick={() => onLabel("negative")}>
        ✗ No
      </button>
      <button type="button" onClick={() => onLabel("unsure")}>
        ? Unsure
      </button>
      <button type="button" className="positive" onClick={() => onLabel("positive")}>
        ✓ Yes
      </button>
      <button type="button" aria-label="Look at it closely" onClick={onOpen}>
        ⤢
      </button>
    </div>
  );
}
