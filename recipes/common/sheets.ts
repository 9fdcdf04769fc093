/** Sheets of small pictures with coloured borders and lines of text, as SVG and as WebP. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { writeFileAtomic } from "../../src/base/files.ts";
import { escapeText } from "../../src/base/markup.ts";
import { renderRgb8 } from "../../src/stamps/render.ts";
import type { Survey } from "../../src/survey/folder.ts";

const [TILE, GAP, LINE] = [96, 6, 20];

/** A line of text, or a row of pictures of objects with the colours of their borders and a word below each. */
export type SheetRow =
  | { text: string; bold?: boolean }
  | { pictures: { jpeg: string; colour: string; note: string }[] };

/** A stamp as a JPEG in base64, as models and people see it. */
export async function tileOf(survey: Survey, row: number): Promise<string> {
  const stamp = await survey.readStamp(row);
  const raw = { width: stamp.widthPx, height: stamp.heightPx, channels: 3 as const };
  const picture = sharp(renderRgb8(stamp), { raw }).resize(TILE, TILE, { fit: "cover" });
  return (await picture.jpeg({ quality: 88 }).toBuffer()).toString("base64");
}

/** A sheet as SVG, `columns` pictures wide. */
export function sheetSvg(rows: SheetRow[], columns: number): string {
  const width = columns * (TILE + GAP) + GAP;
  let y = GAP;
  const parts = rows.map((row) => {
    if ("text" in row) {
      y += LINE;
      const weight = row.bold === true ? ' font-weight="bold"' : "";
      return `<text x="${GAP}" y="${y - 6}"${weight}>${escapeText(row.text)}</text>`;
    }
    const tiles = row.pictures.map(({ jpeg, colour, note }, i) => {
      const x = GAP + i * (TILE + GAP);
      return `<image x="${x}" y="${y}" width="${TILE}" height="${TILE}" href="data:image/jpeg;base64,${jpeg}"/><rect x="${x + 1.5}" y="${y + 1.5}" width="${TILE - 3}" height="${TILE - 3}" fill="none" stroke="${colour}" stroke-width="3"/><text x="${x}" y="${y + TILE + 13}" font-size="11">${escapeText(note)}</text>`;
    });
    y += TILE + LINE;
    return tiles.join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + GAP}" viewBox="0 0 ${width} ${y + GAP}" font-family="sans-serif" font-size="13" fill="#172033"><rect width="100%" height="100%" fill="#fff"/>${parts.join("\n")}</svg>\n`;
}

/** Writes `name`.svg and `name`.webp into a folder; answers the picture's path. */
export async function writeFigure(folder: string, name: string, svg: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(join(folder, `${name}.svg`), svg);
  const path = join(folder, `${name}.webp`);
  writeFileAtomic(path, await sharp(Buffer.from(svg), { density: 144 }).webp({ quality: 85 }).toBuffer());
  return path;
}
