import { expect, it } from "vitest";
import { mayRaise } from "./priority.ts";

const system = (capabilities: string, limit: string) => (path: string) =>
  path.endsWith("status")
    ? `Name:\tnode\nCapEff:\t${capabilities}\n`
    : `Limit  Soft Limit  Hard Limit  Units\nMax nice priority         ${limit}                    0\n`;

it("a process is made less urgent only where that can be taken back", () => {
  expect(mayRaise(system("0000000000000000", "0"))).toBe(false);
  expect(mayRaise(system("00000000a80425fb", "0"))).toBe(false);
  expect(mayRaise(system("000001ffffffffff", "0"))).toBe(true);
  expect(mayRaise(system("0000000000000000", "20"))).toBe(true);
  expect(mayRaise(system("0000000000000000", "19"))).toBe(false);
  expect(
    mayRaise(() => {
      throw new Error("no /proc");
    }),
  ).toBe(false);
});
