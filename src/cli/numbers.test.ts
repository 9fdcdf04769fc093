import type { Command } from "commander";
import { expect, it } from "vitest";
import { buildProgram } from "./main.ts";

/** Placeholders in help texts that stand for one number. */
const NUMBERS = /<(n|px|s|a|t|share|seed|arcsec|seconds|tokens|epochs)>$/;

const commandsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(commandsOf)];

it("every option that is a number refuses what is none, with its name", () => {
  const options = commandsOf(buildProgram()).flatMap((command) =>
    command.options.filter(({ flags }) => NUMBERS.test(flags)).map((option) => ({ name: command.name(), option })),
  );
  expect(options.length).toBeGreaterThan(40);
  const careless = options.filter(({ option }) =>
    ["abc", "NaN", "-7", ""].some((text) => {
      try {
        option.parseArg?.(text, undefined);
        return true;
      } catch (error) {
        return !(error as Error).message.includes(option.long as string);
      }
    }),
  );
  expect(careless.map(({ name, option }) => `${name} ${option.flags}`)).toEqual([]);
});

it("the threshold of detect may be one of the classical search, in units of the noise", () => {
  const detect = commandsOf(buildProgram()).find(({ options }) => options.some(({ long }) => long === "--classical"));
  const threshold = detect?.options.find(({ long }) => long === "--threshold");
  expect(["0.3", "3.2"].map((text) => threshold?.parseArg?.(text, undefined))).toEqual([0.3, 3.2]);
});

it("options of galaxies are refused for fields, and those of fields for galaxies, before anything is made", async () => {
  const simulate = (...options: string[]) =>
    buildProgram().parseAsync(["survey", "simulate", "nowhere/out", ...options], { from: "user" });
  await expect(simulate("--scenes", "2", "--shares", "lens=0.1", "--keep", "none")).rejects.toMatchObject({
    code: "BAD_OPTION",
    message: expect.stringContaining("it takes no --keep, --shares"),
  });
  await expect(simulate("--background-range", "1:4")).rejects.toMatchObject({
    code: "BAD_OPTION",
    message: expect.stringContaining("--background-range goes with --scenes"),
  });
});
