import { expect, it } from "vitest";
import { fewNames, inHeader } from "./header-text.ts";

it("writes any text into a header, and reads it again", () => {
  for (const text of ["nanomaggy", "10^-17 erg/s/cm^2", "µJy, λ", "100 %", "a\nb", "😀"]) {
    expect(inHeader(text)).toMatch(/^[\x20-\x2b\x2d-\x7e]*$/);
    expect(decodeURIComponent(inHeader(text))).toBe(text);
  }
  expect(decodeURIComponent(inHeader("\ud800"))).toBe("\ufffd");
});

it("keeps a header short, however long the names", () => {
  expect(fewNames(["spiral", "elliptical"])).toEqual(["spiral", "elliptical"]);
  const many = fewNames(Array.from({ length: 100 }, (_, i) => `${i} ${"ä😀".repeat(400)}`));
  expect(many.length).toBeGreaterThan(3);
  expect(inHeader(JSON.stringify(many)).length).toBeLessThan(4100);
});
