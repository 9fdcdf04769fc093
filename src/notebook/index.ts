/**
 * Skyloop from a program or a notebook in TypeScript: the verbs of the page, on the same session as the page. The same
 * verbs for Python are in skyloop.py beside this file, which a server gives at /client/skyloop.py.
 */
import { userInfo } from "node:os";
import { SkyloopError } from "../base/errors.ts";
import type { ObjectDetail, ObjectRow, Session, SessionState, SurveyInfo } from "../contract/api.ts";
import type { ObjectPrediction } from "../contract/predictions.ts";
import { DEFAULT_MODEL } from "../models/default-model.ts";
import { Door } from "./door.ts";
import { Gallery, type ObjectPicture, pictureOf, type Shown } from "./gallery.ts";
import { NotebookSession } from "./session.ts";

export { Gallery, ObjectPicture, type Shown } from "./gallery.ts";
export { NotebookSession, PageOfPicks } from "./session.ts";

/** Who labels, with what token; `warn` hears what is to be known (default: console.warn). */
export interface ConnectOptions {
  who?: string;
  token?: string;
  warn?(code: string, message: string): void;
}

/** What `search` takes beside the target and the examples; the defaults are the page's. */
export interface SearchOptions {
  like: string | string[];
  notLike?: string[];
  survey?: string;
  model?: string;
  alpha?: number;
  pageSize?: number;
  randomPicks?: number;
  seed?: number;
}

/** Float pixels [bands, height, width], row by row, in `unit`. */
export interface PixelArray {
  shape: [number, number, number];
  bands: string[];
  unit: string;
  data: Float32Array;
}

const inPath = encodeURIComponent;

/** A server: its surveys and sessions. */
export class Skyloop {
  readonly #door: Door;
  readonly #warn: (code: string, message: string) => void;

  constructor(door: Door, warn: (code: string, message: string) => void) {
    this.#door = door;
    this.#warn = warn;
  }

  /** The surveys that are served. */
  surveys(): Promise<SurveyInfo[]> {
    return this.#door.ask("api/surveys");
  }

  /** `count` objects to begin from, one of each kind. */
  async browse({
    survey,
    count = 24,
    seed = 1,
  }: {
    survey?: string;
    count?: number;
    seed?: number;
  } = {}): Promise<Gallery> {
    const name = (await this.#survey(survey)).survey;
    const query = { diverse: count, seed };
    const { objects } = await this.#door.ask<{ objects: Shown[] }>(`api/surveys/${inPath(name)}/objects`, { query });
    return new Gallery(this.#door, name, objects);
  }

  /** A new session: `target` in the person's words, ids that are `like` it, and ids that are not (there may be none). */
  async search(
    target: string,
    { like, notLike = [], survey, model, ...rest }: SearchOptions,
  ): Promise<NotebookSession> {
    const about = await this.#survey(survey);
    const finished = about.features.find(({ done, total }) => done === total);
    const body = {
      ...rest,
      target,
      survey: about.survey,
      model: model ?? (finished ?? about.features[0])?.model ?? DEFAULT_MODEL,
      who: this.#door.who,
      positive: [like].flat(),
      negative: notLike,
    };
    return new NotebookSession(this.#door, await this.#door.ask<SessionState>("api/sessions", { body }), this.#warn);
  }

  /** The session of that name, whoever began it. Throws SESSION_UNKNOWN. */
  async session(name: string): Promise<NotebookSession> {
    const state = await this.#door.ask<SessionState>(`api/sessions/${inPath(name)}`, {
      query: { who: this.#door.who },
    });
    return new NotebookSession(this.#door, state, this.#warn);
  }

  /** All sessions. */
  sessions(): Promise<Session[]> {
    return this.#door.ask("api/sessions");
  }

  /** The picture of an object as the page shows it. */
  async picture(
    object: string,
    { survey, sizePx = 256 }: { survey?: string; sizePx?: number } = {},
  ): Promise<ObjectPicture> {
    return pictureOf(this.#door, (await this.#survey(survey)).survey, object, sizePx);
  }

  /** The pixels of an object as the survey has them. */
  async pixels(object: string, { survey }: { survey?: string } = {}): Promise<PixelArray> {
    const { headers, ...answer } = await this.#object(object, survey, "/pixels");
    const [bands, height, width] = (headers.get("X-Skyloop-Shape") ?? "").split(",").map(Number);
    return {
      shape: [bands, height, width],
      bands: (headers.get("X-Skyloop-Bands") ?? "").split(",").map(decodeURIComponent),
      unit: decodeURIComponent(headers.get("X-Skyloop-Unit") ?? ""),
      data: new Float32Array(await answer.content()),
    };
  }

  /** What the catalogue says of an object, and what trained heads predict of it. */
  async parameters(
    object: string,
    { survey }: { survey?: string } = {},
  ): Promise<ObjectDetail & { predictions: ObjectPrediction[] }> {
    const [detail, predictions] = await Promise.all(
      ["", "/predictions"].map((part) => this.#object(object, survey, part)),
    );
    return {
      ...((await detail.json()) as ObjectDetail),
      predictions: (await predictions.json()) as ObjectPrediction[],
    };
  }

  /** The objects that look most like one, with the cosine of their features. */
  async neighbours(object: string, { survey, count = 12 }: { survey?: string; count?: number } = {}): Promise<Gallery> {
    const name = (await this.#survey(survey)).survey;
    const { objects } = await this.#door.ask<{ objects: (ObjectRow & { similarity: number })[] }>(
      `api/surveys/${inPath(name)}/objects/${inPath(object)}/neighbours`,
      { query: { k: count } },
    );
    return new Gallery(
      this.#door,
      name,
      objects.map(({ object, similarity }) => ({ object, note: similarity.toFixed(3) })),
    );
  }

  async #object(object: string, survey: string | undefined, part: string) {
    const name = (await this.#survey(survey)).survey;
    const answer = await this.#door.send(`api/surveys/${inPath(name)}/objects/${inPath(object)}${part}`);
    return { headers: answer.headers, content: () => answer.arrayBuffer(), json: () => answer.json() };
  }

  async #survey(name: string | undefined): Promise<SurveyInfo> {
    if (name !== undefined) return this.#door.ask(`api/surveys/${inPath(name)}`);
    const all = await this.surveys();
    if (all.length === 1) return all[0];
    throw new SkyloopError(
      "SURVEY_UNKNOWN",
      `this server has ${all.length} surveys; name one of ${all.map(({ survey }) => survey).join(", ")}`,
    );
  }
}

/**
 * The server at `address`, as `skyloop serve` printed it. Throws SERVER_AWAY, NOT_SKYLOOP, TOKEN_NEEDED; everything that
 * comes of it throws these and what the server refuses with.
 */
export async function connect(
  address: string = process.env.SKYLOOP_ADDRESS ?? "http://127.0.0.1:8420",
  { who, token, warn }: ConnectOptions = {},
): Promise<Skyloop> {
  const name = who ?? process.env.SKYLOOP_WHO ?? userInfo().username;
  const door = new Door(address, name, token ?? process.env.SKYLOOP_TOKEN);
  const found = new Skyloop(door, warn ?? ((code, message) => console.warn(`${code}: ${message}`)));
  await found.surveys();
  return found;
}
