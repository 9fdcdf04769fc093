import { expect, it } from "vitest";
import { goldIn } from "./gold.ts";

it("reads an id and yes or no a line, whatever stands between them", () => {
  expect(goldIn("a yes\nb,no\n\n  c; 1 \nNGC 4414\tNo\ne, 0\r\n")).toEqual({
    positive: ["a", "c"],
    negative: ["b", "NGC 4414", "e"],
  });
  expect(goldIn("")).toEqual({ positive: [], negative: [] });
});

it("names the line that says neither", () => {
  expect(() => goldIn("a yes\nb")).toThrow(/line 2.*“b”/);
  expect(() => goldIn("a perhaps")).toThrow(/line 1/);
  expect(() => goldIn("yes")).toThrow(/line 1/);
});
