import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wrapProse, writeSection } from "./page-section.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skyloop-page-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const DAY = "2026-11-29";

describe("writeSection", () => {
  it("replaces its own section and nothing else", () => {
    const path = join(folder, "page.md");
    writeFileSync(
      path,
      "# Results\n\nBefore.\n\n<!-- skyloop recipe table-1 -->\nold\n<!-- end -->\n\nBetween.\n\n<!-- skyloop recipe table-10 -->\nother\n<!-- end -->\nAfter.\n",
    );
    writeSection(path, "skyloop recipe table-1 --threads 1", "# Table 1\n\n| a |\n| --- |\n| 1 |\n", DAY);
    expect(readFileSync(path, "utf8")).toBe(
      "# Results\n\nBefore.\n\n<!-- skyloop recipe table-1 -->\nMade by `skyloop recipe table-1 --threads 1` on 2026-11-29.\n\n## Table 1\n\n| a |\n| --- |\n| 1 |\n<!-- end -->\n\nBetween.\n\n<!-- skyloop recipe table-10 -->\nother\n<!-- end -->\nAfter.\n",
    );
  });

  it("gives the same page when it is run twice, and takes the longest marker", () => {
    const path = join(folder, "page.md");
    writeFileSync(path, "<!-- skyloop probe -->\n<!-- end -->\n<!-- skyloop probe --model b -->\n<!-- end -->\n");
    writeSection(path, "skyloop probe --model b", "new", DAY);
    const once = readFileSync(path, "utf8");
    writeSection(path, "skyloop probe --model b", "new", DAY);
    expect(readFileSync(path, "utf8")).toBe(once);
    expect(once).toMatch(/^<!-- skyloop probe -->\n<!-- end -->\n<!-- skyloop probe --model b -->\nMade by/);
  });

  it("begins a page that is not there, and refuses one without the marker", () => {
    const path = join(folder, "new.md");
    writeSection(path, "skyloop recipe choice", "text", DAY);
    expect(readFileSync(path, "utf8")).toMatch(/^<!-- skyloop recipe choice -->\nMade by .*\n\ntext\n<!-- end -->\n$/);
    expect(() => writeSection(path, "skyloop recipe objectives", "text", DAY)).toThrow(
      expect.objectContaining({ code: "SECTION_MISSING" }),
    );
  });
});

describe("wrapProse", () => {
  it("keeps tables and headings, and every word of the prose in lines of 120 characters", () => {
    const prose = `- ${"word ".repeat(60).trim()}`;
    const table = `| ${"wide ".repeat(60)} |`;
    const wrapped = wrapProse(`# Title\n\n${prose}\n${table}`).split("\n");
    expect(wrapped).toContain(table);
    const lines = wrapped.filter((line) => line.includes("word"));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(lines.slice(1).every((line) => /^ {2}word/.test(line))).toBe(true);
    expect(lines.join(" ").match(/word/g)).toHaveLength(60);
  });
});
