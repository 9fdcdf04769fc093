import { describe, expect, it } from "vitest";
import type { Page } from "../../src/contract/api.ts";
import { mergePage } from "./merge-page.ts";

const page = (round: number, provisional: boolean, objects: string): Page => ({
  round,
  provisional,
  exhausted: false,
  picks: [...objects].map((object) => ({ object, score: 0.5, reason: "highest" })),
});
const merged = (shown: Page | null, fresh: Page, held = "") =>
  mergePage(shown, fresh, (object) => held.includes(object))
    .picks.map(({ object }) => object)
    .join("");

describe("a page that arrives", () => {
  it("leaves in their places what is held, and fills the others in the new order", () => {
    expect(merged(page(1, true, "abcde"), page(1, false, "edcba"), "c")).toBe("edcba");
    expect(merged(page(1, true, "abcde"), page(1, false, "vwxyz"), "bd")).toBe("vbwdx");
    expect(merged(page(1, true, "abc"), page(1, false, "cab"), "a")).toBe("acb");
  });
  it("changes nothing when it is late: first picks after refined ones, or an earlier round", () => {
    expect(merged(page(1, false, "abc"), page(1, true, "xyz"))).toBe("abc");
    expect(merged(page(2, true, "abc"), page(1, false, "xyz"))).toBe("abc");
  });
  it("replaces all when it is the first or of a later round", () => {
    expect(merged(null, page(1, true, "xyz"))).toBe("xyz");
    expect(merged(page(1, false, "abc"), page(2, true, "xyz"), "abc")).toBe("xyz");
  });
});
