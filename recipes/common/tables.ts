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
/** A Markdown table. */
export function markdown(header: string[], rows: string[][]): string {
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
