/** Tables of numbers as shaded squares: confusion matrices. */
import { escapeText } from "../base/markup.ts";
import { wrapSvg } from "./axes.ts";

/** Rows true, columns predicted; squares are shaded by their share of the row and show the count. */
export function confusionChart(title: string, classes: string[], counts: number[][]): string {
  const cell = classes.length > 8 ? 40 : 54;
  const left = 24 + 6.6 * Math.max(...classes.map((name) => name.length));
  const top = 44;
  const size = cell * classes.length;
  const squares = counts.flatMap((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, j) => {
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [left + j * cell, top + i * cell];
      return `<rect x="${x}" y="${y}" width="${cell - 1}" height="${cell - 1}" fill="#0072b2" fill-opacity="${share.toFixed(3)}" stroke="#ccc"/><text x="${x + cell / 2}" y="${y + cell / 2 + 4}" text-anchor="middle" fill="${share > 0.55 ? "#fff" : "#000"}">${count}</text>`;
    });
  });
  const names = classes.flatMap((name, i) => [
    `<text x="${left - 6}" y="${top + i * cell + cell / 2 + 4}" text-anchor="end">${escapeText(name)}</text>`,
    `<text transform="translate(${left + i * cell + cell / 2} ${top + size + 8}) rotate(45)">${escapeText(name)}</text>`,
  ]);
  const below = 24 + 5 * Math.max(...classes.map((name) => name.length));
  const width = Math.max(left + size + below, 7.5 * title.length + 20);
  return wrapSvg(
    width,
    top + size + below + 16,
    title,
    [...squares, ...names, `<text x="${left}" y="36">predicted (columns), true (rows)</text>`].join("\n"),
  );
}
