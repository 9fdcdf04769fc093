/** Numbers over seeds, and tables of them, as the recipes print them. */
/** Mean and deviation of one figure over seeds. */
export interface Spread {
  mean: number;
  /** Sample standard deviation over the seeds. */
  sd: number;
}

/** Mean and sample deviation; of one value the deviation is 0. */
export function spread(values: number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** `mean +- sd`. */
export const shown = ({ mean, sd }: Spread, digits: number) => `${mean.toFixed(digits)} +- ${sd.toFixed(digits)}`;
/** Median and the range of the middle 68 %, between neighbours linearly; NaN without values. */
export function middle(values: number[]): { median: number; low: number; high: number } {
  const sorted = values.slice().sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return below === above ? below : below + (place - Math.floor(place)) * (above - below);
  };
  return sorted.length === 0
    ? { median: Number.NaN, low: Number.NaN, high: Number.NaN }
    : { median: at(0.5), low: at(0.16), high: at(0.84) };
}

/** A Markdown table. */
export function markdown(header: string[], rows: string[][]): string {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
