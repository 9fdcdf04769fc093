/** XML-RPC as SAMP uses it (IVOA recommendation 1.3): texts, lists and maps. */
import { escapeText } from "../../base/markup.ts";

/** What SAMP's messages are made of. */
export type SampValue = string | SampValue[] | { [name: string]: SampValue };

const encoded = (value: SampValue): string => {
  if (typeof value === "string") return `<value><string>${escapeText(value)}</string></value>`;
  if (Array.isArray(value)) return `<value><array><data>${value.map(encoded).join("")}</data></array></value>`;
  const members = Object.entries(value).map(
    ([name, item]) => `<member><name>${escapeText(name)}</name>${encoded(item)}</member>`,
  );
  return `<value><struct>${members.join("")}</struct></value>`;
};

/** A call as XML. */
export const encodeCall = (method: string, params: SampValue[]): string =>
  `<?xml version="1.0"?><methodCall><methodName>${escapeText(method)}</methodName><params>${params.map((param) => `<param>${encoded(param)}</param>`).join("")}</params></methodCall>`;

/** An answer as XML. */
export const encodeResponse = (value: SampValue): string =>
  `<?xml version="1.0"?><methodResponse><params><param>${encoded(value)}</param></params></methodResponse>`;

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescaped = (text: string) =>
  text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const code = name[1].toLowerCase() === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });

/** Tags and texts of a document, one after another. */
class Reader {
  readonly #parts: string[];
  #at = 0;

  constructor(xml: string) {
    const plain = xml.replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->/g, "");
    this.#parts = plain.match(/<[^>]*>|[^<]+/g) ?? [];
  }

  /** The next tag without its attributes; blanks before it are passed over. */
  tag(): string {
    while (this.#parts[this.#at]?.trim() === "") this.#at++;
    return (this.#parts[this.#at++] ?? "").replace(/^<\s*(\/?[\w.]+)[^>]*?(\/?)>$/, "<$1$2>");
  }

  /** Whether a tag comes next; it is passed over then. */
  takes(tag: string): boolean {
    const before = this.#at;
    if (this.tag() === tag) return true;
    this.#at = before;
    return false;
  }

  /** Text up to the next tag. */
  text(): string {
    const part = this.#parts[this.#at] ?? "<";
    if (part.startsWith("<")) return "";
    this.#at++;
    return unescaped(part);
  }

  expect(tag: string): void {
    const found = this.tag();
    if (found !== tag) throw new Error(`${tag} was expected, ${found} came`);
  }

  value(depth = 0): SampValue {
    if (depth > 32) throw new Error("lists and maps are nested too deeply");
    if (this.takes("<value/>")) return "";
    this.expect("<value>");
    const bare = this.text();
    if (this.takes("</value>")) return bare;
    const kind = this.tag();
    const result = this.#typed(kind, depth);
    this.expect("</value>");
    return result;
  }

  #typed(kind: string, depth: number): SampValue {
    if (/^<\w+\/>$/.test(kind)) return kind === "<struct/>" ? {} : kind === "<array/>" ? [] : "";
    if (kind === "<struct>") {
      const entries: [string, SampValue][] = [];
      while (!this.takes("</struct>")) {
        this.expect("<member>");
        this.expect("<name>");
        const name = this.text();
        this.expect("</name>");
        entries.push([name, this.value(depth + 1)]);
        this.expect("</member>");
      }
      return Object.fromEntries(entries);
    }
    if (kind === "<array>") {
      const items: SampValue[] = [];
      if (!this.takes("<data/>")) {
        this.expect("<data>");
        while (!this.takes("</data>")) items.push(this.value(depth + 1));
      }
      this.expect("</array>");
      return items;
    }
    const text = this.text();
    this.expect(kind.replace("<", "</"));
    return text;
  }
}

function paramsOf(reader: Reader): SampValue[] {
  const params: SampValue[] = [];
  if (reader.takes("<params/>") || !reader.takes("<params>")) return params;
  while (!reader.takes("</params>")) {
    if (reader.takes("<param/>")) continue;
    reader.expect("<param>");
    params.push(reader.value());
    reader.expect("</param>");
  }
  return params;
}

/** A call from XML. Throws where it is none. */
export function decodeCall(xml: string): { method: string; params: SampValue[] } {
  const reader = new Reader(xml);
  reader.expect("<methodCall>");
  reader.expect("<methodName>");
  const method = reader.text().trim();
  reader.expect("</methodName>");
  return { method, params: paramsOf(reader) };
}

/** The value of an answer. Throws its fault, and where it is no answer. */
export function decodeResponse(xml: string): SampValue {
  const reader = new Reader(xml);
  reader.expect("<methodResponse>");
  if (!reader.takes("<fault>")) return paramsOf(reader)[0] ?? "";
  const fault = reader.value();
  throw new Error(typeof fault === "object" && !Array.isArray(fault) ? String(fault.faultString) : String(fault));
}
