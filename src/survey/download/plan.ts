/** From what a user asks for to the addresses of each position. */

import { SkyloopError } from "../../base/errors.ts";
import type { PixelKind } from "../../contract/survey.ts";
import { bandOfText } from "../bands.ts";
import type { Target } from "../targets.ts";
import { OWN_ADDRESS, PROVIDERS, type Provider } from "./providers.ts";

/** What is asked of a service for every position of a catalogue. */
export interface PlanOptions {
  /** A name of the table of providers, `hips:ID`, or an address with {ra} and {dec}. */
  from: string;
  sizePx: number;
  /** Arcseconds a pixel; the service's own where not given. */
  scaleArcsec?: number;
  bands?: string[];
  /** Pictures in colour instead of FITS. */
  pictures: boolean;
  /** Another machine that serves the same: replaces the first part of the address. */
  mirror?: string;
}

/** One file that is asked for: the whole object (`part` is empty) or one band of it. */
export interface CutoutPart {
  part: string;
  bands: string[];
  url: string;
}

/** A checked request, ready to be sent for any position. */
export interface Plan {
  provider: Provider;
  kind: PixelKind;
  layer: string;
  bands: string[];
  sizePx: number;
  scaleArcsec: number;
  /** Address of the table of file names of a position; null where none is needed. */
  lookupOf(target: Target): string | null;
  /** The files of a position; `names` are what the lookup gave. Null where a band has no file there. */
  partsOf(target: Target, names: Record<string, string> | null): CutoutPart[] | null;
}

const WORDS = ["ra", "dec", "size", "scale", "fov", "bands", "band"];
/** A number as an address holds it: 0.36 milliarcseconds in degrees. */
const shown = (value: number) => String(Number(value.toFixed(7)));
const refuse = (message: string) => new SkyloopError("BAD_OPTION", message);

/** Checks what is asked for against the service's limits. Throws BAD_OPTION. */
export function planDownload(options: PlanOptions): Plan {
  const { provider, id } = providerOf(options.from, options.pictures);
  const template = options.pictures ? provider.picture : provider.flux;
  if (template === null)
    throw refuse(
      `--from ${options.from} has no ${options.pictures ? "pictures" : "FITS"}; leave --pictures away, or choose another service`,
    );
  if (options.sizePx > provider.mostPx)
    throw refuse(
      `--size ${options.sizePx}: ${provider.title} gives at most ${provider.mostPx} px a side (more would come smaller without a word); choose a smaller --size or a coarser --scale`,
    );
  const scaleArcsec = options.scaleArcsec ?? provider.scaleArcsec;
  if (provider.fixedScale && Math.abs(scaleArcsec / provider.scaleArcsec - 1) > 1e-3)
    throw refuse(
      `--scale ${scaleArcsec}: ${provider.title} gives its own ${provider.scaleArcsec} arcsec/px and no other; leave --scale away`,
    );
  const bands = options.pictures ? ["r", "g", "b"] : bandsOf(options, provider, id);
  const asked = options.pictures ? provider.defaultBands : bands;
  const fill = (text: string, target: Target, more: Record<string, string>) => {
    const words: Record<string, string> = {
      ra: shown(target.raDeg),
      dec: shown(target.decDeg),
      size: String(options.sizePx),
      scale: shown(scaleArcsec),
      fov: String(Number(((options.sizePx * scaleArcsec) / 3600).toFixed(9))),
      bands: asked.join(""),
      ...more,
    };
    // The survey's identifier may itself hold {band}.
    const whole = text.replaceAll(
      "{id}",
      id.split("/").map(encodeURIComponent).join("/").replaceAll("%7Bband%7D", "{band}"),
    );
    return elsewhere(
      whole.replace(/\{(\w+)\}/g, (_, word: string) => words[word] ?? ""),
      options.mirror,
    );
  };
  const oneByOne = /\{(band|file)\}/.test(template.replace("{id}", id));
  return {
    provider,
    kind: options.pictures ? "colour" : "flux",
    layer: provider.layer.replace("{id}", id),
    bands,
    sizePx: options.sizePx,
    scaleArcsec,
    lookupOf: (target) => (provider.lookup === undefined ? null : fill(provider.lookup, target, {})),
    partsOf(target, names) {
      if (names !== null && asked.some((band) => names[band] === undefined)) return null;
      const file = (at: number) => encodeURI(names?.[asked.at(at) as string] ?? "");
      if (!oneByOne)
        return [
          {
            part: "",
            bands,
            url: fill(template, target, { red: file(-1), green: file(Math.floor(asked.length / 2)), blue: file(0) }),
          },
        ];
      return bands.map((band, at) => ({
        part: band,
        bands: [band],
        url: fill(template, target, { band, file: file(at) }),
      }));
    },
  };
}

function providerOf(from: string, pictures: boolean): { provider: Provider; id: string } {
  const known = PROVIDERS[from];
  if (known !== undefined && from !== "hips") return { provider: known, id: "" };
  if (from.startsWith("hips:") && from.length > 5) return { provider: PROVIDERS.hips, id: from.slice(5) };
  if (!/^https?:\/\//.test(from))
    throw refuse(
      `--from ${from} is no service that is known; it is ${Object.keys(PROVIDERS)
        .filter((name) => name !== "hips")
        .join(
          ", ",
        )}, hips:ID (such as hips:CDS/P/PanSTARRS/DR1/{band}) or an address such as https://example.org/cut?ra={ra}&dec={dec}&size={size}`,
    );
  const used = [...from.matchAll(/\{(\w*)\}/g)].map((match) => match[1]);
  const strange = used.find((word) => !WORDS.includes(word));
  if (strange !== undefined || !used.includes("ra") || !used.includes("dec"))
    throw refuse(
      `--from ${from} ${strange === undefined ? "needs {ra} and {dec}" : `holds {${strange}}`}; an address may hold ${WORDS.map((word) => `{${word}}`).join(", ")}, and must hold the first two`,
    );
  const address = pictures ? { flux: null, picture: from } : { flux: from, picture: null };
  return { provider: { ...OWN_ADDRESS, ...address, layer: new URL(from.replace(/[{}]/g, "")).hostname }, id: "" };
}

/** Bands in the order in which they are wanted. */
function bandsOf({ from, bands }: PlanOptions, provider: Provider, id: string): string[] {
  const found = bands ?? (id === "" ? provider.defaultBands : oneBand(id));
  if (found.length === 0)
    throw refuse(
      `--from ${from} does not say its band: name it with --bands, or write {band} into the identifier, as in hips:CDS/P/PanSTARRS/DR1/{band} --bands grz`,
    );
  const unserved = found.find((band) => provider.bands.length > 0 && !provider.bands.includes(band));
  if (unserved !== undefined)
    throw refuse(`--bands ${found.join(",")}: ${provider.title} has ${provider.bands.join(", ")}, not ${unserved}`);
  if (new Set(found).size < found.length) throw refuse(`--bands ${found.join(",")} names a band twice`);
  if (id !== "" && found.length > 1 && !id.includes("{band}"))
    throw refuse(
      `--bands ${found.join(",")}: hips:${id} is of one band; write {band} where its name stands in the identifier`,
    );
  return found;
}

const oneBand = (id: string) => {
  const band = id.includes("{band}") ? null : bandOfText(id.split("/").at(-1) ?? "");
  return band === null ? [] : [band];
};

/** The same path on another machine (and below another path, where the mirror has one). */
function elsewhere(address: string, mirror: string | undefined): string {
  if (mirror === undefined) return address;
  const { origin } = new URL(address);
  return mirror.replace(/\/+$/, "") + address.slice(origin.length);
}
