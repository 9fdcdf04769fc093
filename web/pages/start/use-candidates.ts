import type { ObjectRow } from "../../../src/contract/api.ts";
import type { SimilarObject, UnusualObject } from "../../../src/contract/similar.ts";
import { type Asked, useAsked } from "../../actions/use-asked.ts";
import { api } from "../../client/api.ts";
import type { ColumnChoice, Draft } from "./draft.ts";
import { keptPicture } from "./pictures.ts";

const SHOWN = 48;

/** Objects that are offered as examples. */
export interface Candidates {
  objects: ObjectRow[];
  /** Lines that found nothing. */
  missing: string[];
  /** What is said of an object below its picture. */
  notes?: Map<string, string>;
}

function columnQuery({ column, order, equals }: ColumnChoice): URLSearchParams {
  const query = new URLSearchParams({ column, limit: String(SHOWN) });
  if (order === "equals") query.set("equals", equals);
  else query.set("sort", order);
  return query;
}

/** In what an unusual object is far from the others. */
function noteOf({ object, far }: UnusualObject): string {
  const [first] = far;
  if (first === undefined) return object;
  return `${first.name.split(".").at(-1)?.replaceAll("_", " ")} ${first.sigmas > 0 ? "+" : "−"}${Math.abs(first.sigmas).toFixed(0)} sd`;
}

const similarOnes = (objects: SimilarObject[]): Candidates => ({
  objects,
  missing: [],
  notes: new Map(
    objects.map(({ object, similarity, duplicates: { length } }) => [
      object,
      `${similarity.toFixed(3)}${length === 0 ? "" : `, ${length} nearly the same`}`,
    ]),
  ),
});

function pictureNamed(name: string) {
  const picture = keptPicture(name);
  if (picture === undefined)
    throw new Error(`Choose ${name} again: a picture is forgotten when the page is loaded anew.`);
  return { pictures: [picture] };
}

/** The objects that a source gives, to choose examples from; without a `model` those that need no features. */
export function useCandidates(survey: string, model: string | undefined, draft: Draft): Asked<Candidates> {
  const { source, seed, asked, radiusArcsec, column } = draft;
  const from = async (): Promise<Candidates> => {
    const only = (objects: ObjectRow[]) => ({ objects, missing: [] });
    switch (source.kind) {
      case "random":
        return only((await api.random(survey, SHOWN, seed)).objects);
      case "diverse":
        if (model === undefined) throw new Error("Diverse objects need features, which are not there yet.");
        return only((await api.diverse(survey, model, SHOWN, seed)).objects);
      case "unusual": {
        if (model === undefined) throw new Error("Unusual objects need features, which are not there yet.");
        const { objects } = await api.unusual(survey, model, SHOWN);
        return { objects, missing: [], notes: new Map(objects.map((one) => [one.object, noteOf(one)])) };
      }
      case "column":
        return only(column.column === "" ? [] : (await api.byColumn(survey, columnQuery(column))).objects);
      case "ids":
        return asked.trim() === "" ? only([]) : api.lookUp(survey, asked, radiusArcsec);
      case "near": {
        if (model === undefined) throw new Error("Similar objects need features, which are not there yet.");
        const { objects } = await api.neighbours(survey, model, source.object, SHOWN - 1);
        return only([{ object: source.object, raDeg: null, decDeg: null, widthPx: 0, heightPx: 0 }, ...objects]);
      }
      case "similar":
      case "picture": {
        if (model === undefined) throw new Error("Similar objects need features, which are not there yet.");
        const like =
          source.kind === "similar" ? { like: source.like, unlike: source.unlike } : pictureNamed(source.name);
        return similarOnes((await api.similar(survey, { model, k: SHOWN, ...like })).objects);
      }
    }
  };
  // What belongs to another source asks nothing anew.
  const about = {
    random: [seed],
    diverse: [seed],
    unusual: [],
    ids: [asked, radiusArcsec],
    column: [column.column, column.order, column.equals],
    near: [source.kind === "near" ? source.object : ""],
    similar: source.kind === "similar" ? [...source.like, "unlike", ...source.unlike] : [],
    picture: [source.kind === "picture" ? source.name : ""],
  }[source.kind];
  return useAsked(() => from(), [survey, model, source.kind, about.join("\n")], true);
}
