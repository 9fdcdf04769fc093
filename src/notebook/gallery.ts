/** Numbered pictures of objects, and how they stand in a notebook. */
import { SkyloopError } from "../base/errors.ts";
import type { LabelState } from "../contract/api.ts";
import type { Why } from "../contract/insight.ts";
import { html, type Markup } from "../plot/html.ts";
import type { Door } from "./door.ts";

const COLOURS: Record<string, string> = { positive: "#1a9641", negative: "#b2182b", unsure: "#e08214" };
const WORDS: Record<string, string> = { positive: "yes", negative: "no", unsure: "unsure" };

/** The bytes of a picture as an `img` that survives saving. */
function imageHtml({ data, name }: ObjectPicture): Markup {
  return html`<img alt="${name}" src="data:image/webp;base64,${Buffer.from(data).toString("base64")}">`;
}

/** A picture of an object as the page shows it: `data` are the bytes of a WebP file. */
export class ObjectPicture {
  readonly name: string;
  readonly data: Uint8Array;

  constructor(name: string, data: Uint8Array) {
    this.name = name;
    this.data = data;
  }

  toHtml(): string {
    return imageHtml(this).text;
  }
}

/** An object of a gallery: its id, and a note below its picture. */
export interface Shown {
  object: string;
  note?: string;
}

/** Numbered pictures of objects, from 1. */
export class Gallery {
  readonly title: string;
  readonly survey: string;
  readonly shown: Shown[];
  readonly #door: Door;
  readonly #labels: (() => Promise<Record<string, LabelState>>) | undefined;

  constructor(
    door: Door,
    survey: string,
    shown: Shown[],
    {
      title = `${shown.length} objects`,
      labels,
    }: { title?: string; labels?(): Promise<Record<string, LabelState>> } = {},
  ) {
    this.#door = door;
    this.survey = survey;
    this.shown = shown;
    this.title = title;
    this.#labels = labels;
  }

  /** The ids, in order. */
  get objects(): string[] {
    return this.shown.map(({ object }) => object);
  }

  /** The ids of some numbers. Throws NUMBER_UNKNOWN. */
  pick(...numbers: number[]): string[] {
    const unknown = numbers.filter((one) => this.shown[one - 1] === undefined);
    if (unknown.length > 0)
      throw new SkyloopError(
        "NUMBER_UNKNOWN",
        `[${unknown.join(", ")}] are not on this page; numbers go from 1 to ${this.shown.length}`,
      );
    return numbers.map((one) => this.shown[one - 1].object);
  }

  /** A line an object: number, id, note and label of now. */
  async toText(): Promise<string> {
    const labels = (await this.#labels?.()) ?? {};
    const lines = this.shown.map(({ object, note = "" }, i) =>
      [String(i + 1).padStart(3), object, note, WORDS[labels[object]?.value ?? ""] ?? ""].join("  ").trimEnd(),
    );
    return [this.title, ...lines].join("\n");
  }

  /** The pictures with the labels of now, as HTML that needs no server. */
  async toHtml(): Promise<string> {
    const labels = (await this.#labels?.()) ?? {};
    const figures = await Promise.all(
      this.shown.map(async ({ object, note = "" }, i) => {
        const picture = await pictureOf(this.#door, this.survey, object, 128);
        const label = labels[object];
        const value = label?.value ?? "";
        const words = [note, value === "" ? "" : `${WORDS[value]} (${label.who})`, ...(label?.tags ?? [])];
        const frame = `margin:0;width:128px;border:3px solid ${COLOURS[value] ?? "#9aa0a6"};font:12px sans-serif`;
        return html`<figure style="${frame}">${imageHtml(picture)}<figcaption style="overflow-wrap:anywhere"><b>${i + 1}</b> ${object}<br>${words.filter((word) => word !== "").join(" · ")}</figcaption></figure>`;
      }),
    );
    return html`${this.title}<div style="display:flex;flex-wrap:wrap;gap:6px">${figures}</div>`.text;
  }
}

/** Why an object has its score: the labelled examples that count most, and what each patch of its picture adds or costs. */
export class Reasons extends Gallery {
  readonly object: string;
  readonly score: number;
  readonly how: string;
  readonly examples: Why["examples"];
  readonly heat: Why["heat"];
  readonly #picture: () => Promise<ObjectPicture>;

  constructor(door: Door, survey: string, object: string, { score, how, examples, heat }: Why) {
    const shown = examples.map(({ object: example, label, influence }) => ({
      object: example,
      note: `${WORDS[label]} ${influence < 0 ? "" : "+"}${influence.toFixed(2)}`,
    }));
    super(door, survey, shown, { title: `${object} has the score ${score.toFixed(3)}. ${how}` });
    this.object = object;
    this.score = score;
    this.how = how;
    this.examples = examples;
    this.heat = heat;
    this.#picture = () => pictureOf(door, survey, object, 128);
  }

  override async toHtml(): Promise<string> {
    return (await this.#picture()).toHtml() + (await super.toHtml());
  }
}

/** The picture of an object, `sizePx` on a side. Throws OBJECT_UNKNOWN. */
export async function pictureOf(door: Door, survey: string, object: string, sizePx: number): Promise<ObjectPicture> {
  const path = `api/surveys/${encodeURIComponent(survey)}/objects/${encodeURIComponent(object)}/picture`;
  return new ObjectPicture(
    object,
    new Uint8Array(await (await door.send(path, { query: { size: sizePx } })).arrayBuffer()),
  );
}
