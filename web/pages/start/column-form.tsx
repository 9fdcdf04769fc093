import type { Column } from "../../../src/contract/api.ts";
import { ColumnOptions } from "../../parts/column-options.tsx";
import type { ColumnChoice } from "./draft.ts";

interface Props {
  columns: Column[];
  choice: ColumnChoice;
  onChange(choice: ColumnChoice): void;
}

/** Objects by a column of the catalogue: the highest, the lowest, or all of one value. */
export function ColumnForm({ columns, choice, onChange }: Props) {
  const numeric = columns.find(({ name }) => name === choice.column)?.type === "number";
  return (
    <fieldset className="panel" aria-label="Catalogue column">
      <label>
        <span>Column</span>
        <select
          value={choice.column}
          onChange={({ target: { value } }) => {
            const number = columns.find(({ name }) => name === value)?.type === "number";
            onChange({ column: value, order: number ? "highest" : "equals", equals: "" });
          }}
        >
          <option value="">choose one</option>
          <ColumnOptions columns={columns} />
        </select>
      </label>
      {choice.column !== "" && (
        <label>
          <span>Show</span>
          <select
            value={choice.order}
            onChange={({ target: { value } }) => onChange({ ...choice, order: value as ColumnChoice["order"] })}
          >
            {numeric && <option value="highest">the highest values</option>}
            {numeric && <option value="lowest">the lowest values</option>}
            <option value="equals">one value</option>
          </select>
        </label>
      )}
      {choice.column !== "" && choice.order === "equals" && (
        <label>
          <span>Value</span>
          <input
            type="text"
            value={choice.equals}
            onChange={({ target: { value } }) => onChange({ ...choice, equals: value })}
          />
        </label>
      )}
    </fieldset>
  );
}
