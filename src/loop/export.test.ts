import { describe, expect, it } from "vitest";
import { harmless, isHarmless } from "../survey/spreadsheet.ts";

describe("cells that a spreadsheet would compute", () => {
  it("get an apostrophe, numbers stay numbers", () => {
    for (const text of ['=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "-J1000", "+150.1-2.2"])
      expect(harmless(text)).toBe(`'${text}`);
    for (const text of ["-5", "+3.2", "-1.5e3", "-.5", "J1000+02", "a=b", "", "-inf"])
      expect(harmless(text)).toBe(text);
  });
  it("are known again", () => {
    expect(isHarmless(harmless("=1+1"))).toBe(true);
    expect(isHarmless("'tis")).toBe(false);
  });
});
