/** What a server says of its answer in a VOTable (IVOA DALI 1.1, section 4; Simple Cone Search 1.03, section 2.3). */
import { printable } from "../base/markup.ts";
import { attribute, partsOf, type XmlPart } from "./votable-parts.ts";

/** Longest message of a server that is shown, in letters. */
const LONGEST = 300;

/** A server's words on one line, without control characters. */
const oneLine = (text: string) => printable(text.replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, " ").trim(), LONGEST);

const isInfo = (tag: string | undefined) => tag === "INFO" || tag === "PARAM";

/** The status in the parts of a document, which are taken in turn. */
export class VoStatus {
  /** The server's error on one line of at most 300 letters; null where it names none. */
  error: string | null = null;
  /** The query failed: a table that is there is not whole. */
  isFailed = false;
  /** Rows were left out, as there were more than the server or the query allows. */
  isCut = false;
  #info: { name: string; value: string; text: string } | null = null;

  /** Takes the next part. */
  take({ open, close, attributes, isEmpty, text }: XmlPart): void {
    if (isInfo(open)) {
      const name = attribute(attributes, "name") ?? "";
      this.#info = { name: name.toUpperCase(), value: attribute(attributes, "value") ?? "", text: "" };
    }
    if (this.#info === null) return;
    if (text !== undefined) this.#info.text += text;
    if (isInfo(close) || (isInfo(open) && isEmpty)) this.#judge(this.#info);
  }

  #judge({ name, value, text }: { name: string; value: string; text: string }): void {
    this.#info = null;
    if (name === "ERROR") this.error ??= oneLine(value || text) || null;
    if (name !== "QUERY_STATUS") return;
    if (value.toUpperCase() === "OVERFLOW") this.isCut = true;
    if (value.toUpperCase() !== "ERROR") return;
    this.isFailed = true;
    this.error = oneLine(text) || "it gives no reason";
  }
}

/** The error that a server answers with in a VOTable, on one line of at most 300 letters; null for any other text. */
export function serverError(text: string): string | null {
  if (!/^\uFEFF?\s*<(\?xml|!--|(\w+:)?VOTABLE)/i.test(text)) return null;
  const status = new VoStatus();
  try {
    for (const part of partsOf(text)) {
      status.take(part);
      if (status.error !== null) break;
    }
  } catch {
    // It is no XML, or its end is missing.
  }
  return status.error;
}
