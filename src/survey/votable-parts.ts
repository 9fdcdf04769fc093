/** The XML of VOTables as tags and text, as much of it as they use. */
import { SkyloopError } from "../base/errors.ts";

/** A part of a document: a tag with its attributes, or text. */
export type XmlPart = { open?: string; close?: string; attributes?: string; isEmpty?: boolean; text?: string };

/** The error of a document that is damaged, with its remedy. */
export const broken = (what: string) => new SkyloopError("TABLE_BROKEN", `${what}; save it again, as VOTable or FITS`);

const PARTS =
  /<!--[\s\S]*?-->|<!DOCTYPE[^>]*>|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)|</gy;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Text with its five entities and its character references; others would have to be declared, which is refused. */
function plain(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return NAMED[name] ?? whole;
    const code = name[1].toLowerCase() === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}

/** The parts of a document in order, without comments. Throws TABLE_BROKEN where it is no XML or declares entities. */
export function* partsOf(xml: string): Iterable<XmlPart> {
  if (/<!ENTITY|<!DOCTYPE[^>]*\[/i.test(xml)) throw broken("it declares entities, which are not read");
  for (const [whole, cdata, slash, tag, attributes, empty, text] of xml.matchAll(PARTS)) {
    if (cdata !== undefined) yield { text: cdata };
    else if (text !== undefined) yield { text: plain(text) };
    else if (tag !== undefined && slash === "/") yield { close: tag };
    else if (tag !== undefined) yield { open: tag, attributes, isEmpty: empty === "/" };
    else if (whole === "<") throw broken("it is no well-formed XML");
  }
}

/** The value of an attribute, with its entities as what they stand for. */
export function attribute(attributes = "", name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(attributes);
  return found === null ? undefined : plain(found[1] ?? found[2]);
}
