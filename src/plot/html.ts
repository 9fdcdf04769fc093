/** Pages that need no other file. HTML is made here and nowhere else: what is put into it is escaped once. */
import { escapeText } from "../base/markup.ts";

/** A piece of HTML: put into another piece, it stays as it is. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a piece of HTML: text and numbers are escaped, lists joined, `null` and `false` left out. */
export type Content = string | number | Markup | null | undefined | false | readonly Content[];

/** A text that is HTML or SVG already, such as a chart. Never for text that a user or a file gave. */
export const raw = (text: string): Markup => new Markup(text);

/** A piece of HTML as a template: `` html`<p>${name}</p>` ``. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Markup {
  return new Markup(parts.map((part, i) => (i === 0 ? part : textOf(values[i - 1]) + part)).join(""));
}

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  return typeof content === "object" ? content.map(textOf).join("\n") : escapeText(String(content));
}

/** How every page looks. */
const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;background:#fff;color:#172033}
h1{margin:0}h2{margin:2rem 0 .5rem}.soft{color:#505c75}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .8rem;border-bottom:1px solid #cfd5e3;text-align:right}td:first-child,th:first-child,.texts td,.texts th{text-align:left}
code,pre{background:#eef0f5}code{padding:0 .2rem}pre{overflow:auto;padding:.6rem}
figure{display:inline-block;margin:.4rem;vertical-align:top;width:9rem;font-size:13px}figure img{width:100%;background:#000}figcaption{overflow-wrap:anywhere}
.grid{display:flex;flex-wrap:wrap;gap:10px}.grid figure{margin:0;width:96px;font-size:12px;color:#505c75}.grid img{display:block;height:96px;border-radius:4px}
.positive img{outline:3px solid #11703b}.negative img{outline:3px solid #b3261e}
figure.sheet{display:block;width:auto}figure.sheet img{width:auto;max-width:100%;image-rendering:pixelated}`;

/** A whole page, in English, with its title and the body below it. */
export function htmlPage(title: string, body: Markup): string {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${raw(STYLE)}</style></head><body>
${body}
</body></html>
`;
  return page.text;
}
