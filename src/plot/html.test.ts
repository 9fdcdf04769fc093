import { describe, expect, it } from "vitest";
import { html, htmlPage, raw } from "./html.ts";

describe("html", () => {
  it("escapes text wherever it is put, and leaves pieces of HTML as they are", () => {
    const name = `<b title="a'b">&`;
    const piece = html`<p title="${name}">${name}</p>`;
    const escaped = "&#60;b title=&#34;a&#39;b&#34;&#62;&#38;";
    expect(piece.text).toBe(`<p title="${escaped}">${escaped}</p>`);
    expect(html`<div>${piece}${raw("<svg/>")}</div>`.text).toBe(`<div>${piece.text}<svg/></div>`);
  });

  it("joins lists by lines, writes numbers and leaves out what is not there", () => {
    expect(html`${[html`<i>${1}</i>`, "<", null]}|${undefined}${false}${0}`.text).toBe("<i>1</i>\n&#60;\n|0");
  });
});

describe("htmlPage", () => {
  it("has a title that is text and needs nothing from elsewhere", () => {
    const page = htmlPage("a<b", html`<p>c</p>`);
    expect(page).toContain("<title>a&#60;b</title>");
    expect(page).toContain("<p>c</p>\n</body></html>");
    expect(page).not.toMatch(/src=|href=|url\(/);
  });
});
