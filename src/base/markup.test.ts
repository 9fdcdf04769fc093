import { expect, it } from "vitest";
import { escapeText, printable } from "./markup.ts";

it("keeps text text in markup and on a terminal", () => {
  expect(escapeText(`<b a="1">&'`)).toBe("&#60;b a=&#34;1&#34;&#62;&#38;&#39;");
  expect(printable("a\x1b[2Jb\r\x9bc\nd")).toBe("a\\x1b[2Jb\\x0d\\x9bc\nd");
  expect(printable("ä😀".repeat(30), 5)).toBe("ä😀ä😀ä…");
  expect(printable("short", 5)).toBe("short");
});
