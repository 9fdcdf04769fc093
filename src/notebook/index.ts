/**
 * Skyloop from a program or a notebook in TypeScript: the verbs of the page, on the same session as the page. The same
 * verbs for Python are in skyloop.py beside this file, which a server gives at /client/skyloop.py.
 */
import { userInfo } from "node:os";
import { SkyloopError } from "../base/errors.ts";
import type { Session, SessionState, SurveyInfo, Unlabelled } from "../contract/api.ts";
import { DEFAULT_MODEL } from "../models/default-model.ts";
import { Door } from "./door.ts";
import { Gallery, type Shown } from "./gallery.ts";
import { type ObjectPlace, ObjectVerbs } from "./objects.ts";
import { NotebookSession } from "./session.ts";

export { Gallery, ObjectPicture, Reasons, type Shown } from "./gallery.ts";
export type { PixelArray } from "./objects.ts";
export { NotebookSession, PageOfPicks } from "./session.ts";

/** Who labels, with what token; `warn` hears what is to be known (default: console.warn). */
export interface ConnectOptions {
  who?: string;
  token?: string;
  /** Where your browser reaches the server, where that is another address (on a hub "/user/ann/proxy/8420/"). */
  browser?: string;
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
  /** How long unlabelled objects stand for negatives: "always" finds more and ranks common kinds worse. */
  unlabelled?: Unlabelled;
}

/** Which objects `browse` shows: of every kind, or those with a value of a column of the catalogue. */
export interface BrowseOptions {
  survey?: string;
  count?: number;
  /** Of the choice among every kind. */
  seed?: number;
  column?: string;
  /** Only objects with this value of `column`, as text, or with one from `least` to `greatest`. */
  equals?: string;
  least?: number;
  greatest?: number;
  sort?: "highest" | "lowest" | "catalogue";
}

const inPath = encodeURIComponent;

/** A server: its surveys and sessions. */
export class Skyloop extends ObjectVerbs<string> {
  protected readonly door: Door;
  readonly #warn: (code: string, message: string) => void;

  constructor(door: Door, warn: (code: string, message: string) => void) {
    super();
    this.door = door;
    this.#warn = warn;
  }

  /** The surveys that are served. */
  surveys(): Promise<SurveyInfo[]> {
    return this.door.ask("api/surveys");
  }

  /** `count` objects to begin from: of every kind, or by a column of the catalogue. Throws COLUMN_MISSING, BAD_OPTION. */
  async browse({ survey, count = 24, seed = 1, column, ...wanted }: BrowseOptions = {}): Promise<Gallery> {
    if (column === undefined && Object.keys(wanted).length > 0)
      throw new SkyloopError(
        "BAD_OPTION",
        `browse: ${Object.keys(wanted).join(", ")} are of a column of the catalogue; name it with column`,
      );
    const name = (await this.#survey(survey)).survey;
    const query: Record<string, string | number> =
      column === undefined ? { diverse: count, seed } : { ...wanted, column, limit: count };
    const { objects } = await this.door.ask<{ objects: Shown[] }>(`api/surveys/${inPath(name)}/objects`, { query });
    return new Gallery(
      this.door,
      name,
      objects.map(({ object }) => ({ object })),
    );
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
      who: this.door.who,
      positive: [like].flat(),
      negative: notLike,
    };
    return new NotebookSession(this.door, await this.door.ask<SessionState>("api/sessions", { body }), this.#warn);
  }

  /** All sessions; with a name the session of that name, whoever began it. Throws SESSION_UNKNOWN. */
  session(): Promise<Session[]>;
  session(name: string): Promise<NotebookSession>;
  async session(name?: string): Promise<NotebookSession | Session[]> {
    if (name === undefined) return this.sessions();
    const state = await this.door.ask<SessionState>(`api/sessions/${inPath(name)}`, {
      query: { who: this.door.who },
    });
    return new NotebookSession(this.door, state, this.#warn);
  }

  /** All sessions. */
  sessions(): Promise<Session[]> {
    return this.door.ask("api/sessions");
  }

  protected async placeOf(object: string, survey?: string): Promise<ObjectPlace> {
    return { survey: survey ?? (await this.#survey(undefined)).survey, id: object };
  }

  async #survey(name: string | undefined): Promise<SurveyInfo> {
    if (name !== undefined) return this.door.ask(`api/surveys/${inPath(name)}`);
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
  { who, token, browser, warn }: ConnectOptions = {},
): Promise<Skyloop> {
  const name = who ?? process.env.SKYLOOP_WHO ?? userInfo().username;
  const door = new Door(address, name, token ?? process.env.SKYLOOP_TOKEN, browser);
  const found = new Skyloop(door, warn ?? ((code, message) => console.warn(`${code}: ${message}`)));
  await found.surveys();
  return found;
}
