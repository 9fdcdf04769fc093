import type { Column } from "../../../src/contract/api.ts";
import { ColumnOptions } from "../../parts/column-options.tsx";
import { BY_COLUMN, type Filter, NO_FILTER, type PanelProps } from "./filter.ts";

/** Tag, catalogue column, place on the sky and order. */
export function FilterPanel({ filter, columns, tags, onFilter }: PanelProps & { columns: Column[]; tags: string[] }) {
  const set = (change: Partial<Filter>) => onFilter({ ...filter, ...change });
  const text = (name: keyof Filter, label: string, width = "6rem") => (
    <label>
      <span>{label}</span>
      <input
        type="text"
        value={filter[name]}
        style={{ width }}
        onChange={(event) => set({ [name]: event.target.value })}
      />
    </label>
  );
  const numeric = columns.find(({ name }) => name === filter.column)?.type === "number";
  return (
    <fieldset className="panel" aria-label="Filter">
      <label>
        <span>Tag</span>
        <select value={filter.tag} onChange={(event) => set({ tag: event.target.value })}>
          <option value="">any</option>
          {tags.map((tag) => (
            <option key={tag} value={tag}>
              {tag}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Column</span>
        <select
          value={filter.column}
          onChange={(event) =>
            set({
              column: event.target.value,
              least: "",
              greatest: "",
              equals: "",
              order: BY_COLUMN.includes(filter.order) && event.target.value === "" ? "score" : filter.order,
            })
          }
        >
          <option value="">any</option>
          <ColumnOptions columns={columns} />
        </select>
      </label>
      {filter.column !== "" &&
        (numeric
          ? [text("least", "from"), text("greatest", "to")].map((field, i) => (
              <span key={i === 0 ? "from" : "to"}>{field}</span>
            ))
          : text("equals", "is"))}
      {text("ra", "RA (deg)")}
      {text("dec", "Dec (deg)")}
      {text("radius", "Radius (deg)", "4rem")}
      <label>
        <span>Order</span>
        <select value={filter.order} onChange={(event) => set({ order: event.target.value })}>
          <option value="score">score</option>
          <option value="id">id</option>
          {filter.column !== "" && <option value="highest">highest {filter.column}</option>}
          {filter.column !== "" && <option value="smallest">smallest {filter.column}</option>}
        </select>
      </label>
      <button type="button" className="quiet" onClick={() => onFilter(NO_FILTER)}>
        Clear
      </button>
    </fieldset>
  );
}

/** Fields that put another session beside this one. */
