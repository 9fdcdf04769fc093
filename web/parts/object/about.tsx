import { useState } from "react";
import type { ObjectDetail, SessionEvent } from "../../../src/contract/api.ts";
import type { FarNumber } from "../../../src/contract/similar.ts";
import { cutoutUrl } from "../../client/api.ts";
import { Download } from "../download.tsx";

/** The id to copy, the file that the object came from, and the cutout as a file. */
export function FileLine({ survey, object, source }: { survey: string; object: string; source: string | undefined }) {
  const [copied, setCopied] = useState(false);
  return (
    <p className="file-line">
      <button
        type="button"
        className="quiet"
        onClick={() =>
          copyText(object).then(
            () => setCopied(true),
            () => setCopied(false),
          )
        }
      >
        {copied ? "Copied" : "Copy id"}
      </button>
      <Download className="quiet button" href={cutoutUrl(survey, object)}>
        Download cutout
      </Download>
      {source !== undefined && source !== "" && (
        <span className="hint" title={source}>
          {source.split(/[\\/]/).pop()}
        </span>
      )}
    </p>
  );
}

/** Copies a text; also on pages that a browser does not trust with the clipboard (HTTP over a network). */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("the browser copies nothing on this page");
}

/** Position, with links to where more is known of it. */
export function SkyLine({ ra, dec, links }: { ra: number; dec: number; links: ObjectDetail["links"] }) {
  return (
    <p>
      RA {ra.toFixed(5)}°, Dec {dec.toFixed(5)}°
      {links.map(({ name, url }) => (
        <span key={name}>
          {" · "}
          <a href={url} target="_blank" rel="noreferrer">
            {name}
          </a>
        </span>
      ))}
    </p>
  );
}

/** The object's row of the catalogue, without what is empty. */
export function CatalogueValues({ detail }: { detail: ObjectDetail }) {
  const filled = Object.entries(detail.columns).filter(([, value]) => value !== null && value !== "");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="row" aria-label="Catalogue row" tabIndex={0}>
      <table>
        <tbody>
          {filled.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                {typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : String(value)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** A measured number by its column, or one of the encoder's by its place. */
const numberName = (name: string) => name.split(".").at(-1)?.replaceAll("_", " ") ?? name;

/** The numbers in which an object is far from the others of its survey. */
export function FarFromOthers({ far }: { far: FarNumber[] }) {
  if (far.length === 0) return null;
  return (
    <section aria-label="Far from the others">
      <h3>Far from the others</h3>
      <ul className="plain hint">
        {far.map(({ name, value, unit, sigmas }) => (
          <li key={name} title={name}>
            {numberName(name)} {Number(value.toPrecision(3))}
            {unit === undefined ? "" : ` ${unit}`}, {Math.abs(sigmas).toFixed(0)} standard deviations{" "}
            {sigmas > 0 ? "above" : "below"} the middle
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What an event of an object's history says. */
const SAYS: Partial<Record<SessionEvent["kind"], (value: string) => string>> = {
  label: (value) => (value === "clear" ? "label cleared" : value),
  tag: (value) => `tag “${value}”`,
  box: () => "drawn by hand",
  untag: (value) => `tag “${value}” removed`,
  undo: () => "undone",
  redo: () => "redone",
};

/** Who labelled an object how, and when. */
export function History({ events }: { events: SessionEvent[] }) {
  if (events.length === 0) return null;
  return (
    <section aria-label="History of its labels">
      <h3>History</h3>
      <ul className="plain hint">
        {events.map(({ seq, at, who, kind, value }) => (
          <li key={seq}>
            {at.slice(0, 16).replace("T", " ")} {who}: {SAYS[kind]?.(value) ?? value}
          </li>
        ))}
      </ul>
    </section>
  );
}
