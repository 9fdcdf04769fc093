import type { Column } from "../../src/contract/api.ts";

/** The columns of a catalogue that hold something, as choices of a <select>. */
export function ColumnOptions({ columns }: { columns: Column[] }) {
  return columns
    .filter(({ filled }) => filled > 0)
    .map(({ name }) => (
      <option key={name} value={name}>
        {name}
      </option>
    ));
}
