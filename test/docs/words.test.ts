/** Help texts and guides use the field's words, in sentences that a newcomer understands. */
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { buildProgram, EXAMPLES } from "../../src/cli/main.ts";
import { pages } from "./pages.ts";

/** Private idioms, and what to write instead. */
const IDIOMS: [RegExp, string][] = [
  [/\btakes? (?:\w+ ){0,3}away\b/i, "export, remove, subtract"],
  [/\bwhat it is for\b/i, "purpose"],
  [/\bhow it goes\b/i, "progress"],
  [/\bgoes on where it\b/i, "resumes"],
  [/\bby heart\b/i, "overfit"],
  [/\bmodels? of the table\b/i, "encoder (see skyloop model list)"],
  [/\bimages? a (?:second|batch)\b/i, "per second, per batch"],
  [/\btells? the network\b/i, "give the network"],
  [/\bmade worse\b/i, "degraded"],
];
const faults = (text: string) =>
  IDIOMS.filter(([idiom]) => idiom.test(text)).map(([idiom, instead]) => `${idiom.exec(text)?.[0]}: ${instead}`);

/** Every description of a command, its options and arguments, with those of the commands below it. */
function helpOf(command: Command, path = ""): { path: string; text: string }[] {
  const name = `${path}${command.name()} `;
  return [
    { path: name, text: command.description() },
    ...command.options.map(({ flags, description }) => ({ path: `${name}${flags}`, text: description })),
    ...command.registeredArguments.map((one) => ({ path: `${name}${one.name()}`, text: one.description })),
    ...command.commands.flatMap((below) => helpOf(below, name)),
  ];
}
const help = [...helpOf(buildProgram()), { path: "examples", text: EXAMPLES }];

describe("help texts", () => {
  it("are there for every command, option and argument", () => {
    expect(help.length).toBeGreaterThan(100);
    expect(help.filter(({ text }) => text.trim().length < 3).map(({ path }) => path)).toEqual([]);
  });

  it("hold no private idiom", () => {
    expect(help.flatMap(({ path, text }) => faults(text).map((fault) => `${path}: ${fault}`))).toEqual([]);
  });

  it("have sentences of at most 35 words", () => {
    const sentences = help.flatMap(({ path, text }) =>
      (path === "examples" ? [] : text.split(/[.;:]\s/)).map((one) => [path, one]),
    );
    expect(sentences.filter(([, sentence]) => sentence.split(/\s+/).length > 35)).toEqual([]);
  });
});

it("README, tour and guides hold no private idiom", () => {
  const guides = pages.filter(({ path }) => /^(README|CONTRIBUTING|docs\/(README|tour|guides\/.*))/.test(path));
  expect(guides.length).toBeGreaterThan(5);
  expect(
    guides.flatMap(({ path, text }) => faults(text.replace(/\n/g, " ")).map((fault) => `${path}: ${fault}`)),
  ).toEqual([]);
});
