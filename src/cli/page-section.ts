/** Results in Markdown pages: sections that a command writes, so that a page shows what the command printed. */
import { existsSync, readFileSync } from "node:fs";
import { SkyloopError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";

/** Longest line of prose in a page, in characters. */
const PROSE = 120;
const END = "<!-- end -->";

/**
 * Replaces the section of a Markdown page that belongs to `command` by `text`, or begins a page with it. A section
 * lies between the lines `<!-- COMMAND -->` and `<!-- end -->`, where COMMAND is what `command` begins with (the
 * longest such marker wins); it gets a first line that names the whole command and the day. Headings go down to the
 * second level and prose is wrapped. Throws SECTION_MISSING where the page has no such marker.
 */
export function writeSection(path: string, command: string, text: string, day: string): void {
  const body = `Made by \`${command}\` on ${day}.\n\n${text.trim()}`.replace(/^#+ /gm, "## ");
  const section = (marker: string) => `<!-- ${marker} -->\n${wrapProse(body)}\n${END}`;
  if (!existsSync(path)) {
    writeFileAtomic(path, `${section(command)}\n`);
    return;
  }
  const page = readFileSync(path, "utf8");
  const found = [...page.matchAll(/^<!-- (.+) -->\n([\s\S]*?)^<!-- end -->$/gm)]
    .filter(([, marker]) => command === marker || command.startsWith(`${marker} `))
    .sort((a, b) => b[1].length - a[1].length)[0];
  if (found === undefined)
    throw new SkyloopError(
      "SECTION_MISSING",
      `${path} has no section for this command; put the lines <!-- ${command} --> and ${END} where it shall stand`,
    );
  writeFileAtomic(path, page.slice(0, found.index) + section(found[1]) + page.slice(found.index + found[0].length));
}

/** Breaks lines of prose between words; headings, table rows and empty lines stay, list items are indented. */
export function wrapProse(text: string): string {
  return text
    .split("\n")
    .map((line) => (/^(\||#|$)/.test(line) ? line : wrapLine(line)))
    .join("\n");
}

function wrapLine(line: string): string {
  const indent = line.startsWith("- ") ? "  " : "";
  const lines: string[] = [];
  for (const word of line.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= PROSE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return lines.join("\n");
}
