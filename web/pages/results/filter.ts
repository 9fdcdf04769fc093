/** What the ranking is filtered by; empty texts are no condition. */
export interface Filter {
  label: string;
  minScore: string;
  maxScore: string;
  tag: string;
  column: string;
  least: string;
  greatest: string;
  equals: string;
  ra: string;
  dec: string;
  radius: string;
  compare: string;
  agreement: string;
  order: string;
}

/** A filter that lets everything through. */
/** Everything, best first. */
export const NO_FILTER: Filter = {
  label: "",
  minScore: "",
  maxScore: "",
  tag: "",
  column: "",
  least: "",
  greatest: "",
  equals: "",
  ra: "",
  dec: "",
  radius: "",
  compare: "",
  agreement: "",
  order: "score",
};

/** Orders by the values of the column that is filtered by. */
export const BY_COLUMN = ["highest", "smallest"];

/** Puts the conditions that are complete into a query, and returns it. */
export function addFilter(query: URLSearchParams, filter: Filter): URLSearchParams {
  const {
    label,
    minScore,
    maxScore,
    tag,
    column,
    least,
    greatest,
    equals,
    ra,
    dec,
    radius,
    compare,
    agreement,
    order,
  } = filter;
  const add = (values: Record<string, string>) => {
    for (const [name, value] of Object.entries(values)) if (value !== "") query.set(name, value);
  };
  const isNumber = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));
  const number = (text: string) => (isNumber(text) ? text : "");
  const numbers = [ra, dec, radius].every(isNumber);
  add({ label, minScore: number(minScore), maxScore: number(maxScore), tag });
  if (column !== "" && (least !== "" || greatest !== "" || equals !== "" || BY_COLUMN.includes(order)))
    add({ column, least: number(least), greatest: number(greatest), equals });
  if (numbers && Number(radius) > 0) add({ ra, dec, radius });
  if (compare !== "") add({ compare, agreement });
  if (order !== "score" && (order !== "difference" || compare !== "")) add({ order });
  return query;
}

/** What a panel that changes the filter is given. */
export interface PanelProps {
  filter: Filter;
  onFilter(filter: Filter): void;
}
