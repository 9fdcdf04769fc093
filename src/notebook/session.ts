/** A search as a program works on it: the same one that the page has open. */
import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { SkyloopError } from "../base/errors.ts";
import type {
  ExportFormat,
  LabelValue,
  Page,
  RankedRow,
  Ranking,
  Saved,
  SessionEvent,
  SessionState,
} from "../contract/api.ts";
import type { RankingFilter, Why } from "../contract/insight.ts";
import { html } from "../plot/html.ts";
import { parseDelimited } from "../survey/delimited.ts";
import type { Door } from "./door.ts";
import { Gallery, Reasons } from "./gallery.ts";
import { type ObjectPlace, ObjectVerbs } from "./objects.ts";

/** A number of the last page, from 1; an id; or all of the page without a label. */
type Named = number | string | "rest";
const FORMATS: Record<string, ExportFormat> = {
  ".csv": "csv",
  ".parquet": "parquet",
  ".fits": "fits",
  ".vot": "votable",
  ".xml": "votable",
};
/** A row of the ranked catalogue: text, or numbers where a cell is one; null where it is empty. */
export type RankedCells = Record<string, string | number | null>;
/** Which part of the ranking: the page's filters, and from which place on how many. */
export type RankingWanted = Partial<RankingFilter> & { offset?: number; limit?: number };
type Change = { value: LabelValue } | { addTag: string } | { removeTag: string };

/** A page of a round. Its labelling verbs take its numbers, save, and answer the page of then. */
export class PageOfPicks extends Gallery {
  readonly round: number;
  /** Chosen from a part of the survey: `wait` of the session gives the page of all. */
  readonly provisional: boolean;
  readonly #session: NotebookSession;

  constructor(door: Door, session: NotebookSession, page: Page) {
    const shown = page.picks.map(({ object, score, reason }) => ({
      object,
      note: `${score === null ? "" : score.toFixed(3)} ${reason}`,
    }));
    super(door, session.survey, shown, {
      title: `${session.name}, round ${page.round}, as ${door.who}${page.provisional ? "; from a part of the survey, wait() gives the page of all" : ""}`,
      labels: async () => (await session.state()).labels,
    });
    this.#session = session;
    this.round = page.round;
    this.provisional = page.provisional;
  }

  yes(...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { value: "positive" });
  }

  no(...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { value: "negative" });
  }

  unsure(...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { value: "unsure" });
  }

  clear(...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { value: "clear" });
  }

  tag(word: string, ...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { addTag: word });
  }

  untag(word: string, ...objects: Named[]): Promise<PageOfPicks> {
    return this.#label(objects, { removeTag: word });
  }

  async #label(objects: Named[], change: Change): Promise<PageOfPicks> {
    return (await this.#session.label(objects, change, this)) ?? this;
  }
}

/** A search: labels, rounds, ranking. Numbers are those of the last page that was asked for. */
export class NotebookSession extends ObjectVerbs<Named> {
  readonly name: string;
  readonly survey: string;
  protected readonly door: Door;
  readonly #path: string;
  readonly #warn: (code: string, message: string) => void;
  readonly #programs: Set<string>;
  #page: PageOfPicks | null;
  #seen: number;
  #lastSeq: number;
  /** A round was begun whose page nobody has waited for. */
  #begun = false;

  constructor(door: Door, state: SessionState, warn: (code: string, message: string) => void) {
    super();
    this.door = door;
    this.name = state.session;
    this.survey = state.survey;
    this.#path = `api/sessions/${encodeURIComponent(state.session)}`;
    this.#warn = warn;
    this.#programs = new Set([door.key]);
    this.#seen = state.round;
    this.#lastSeq = state.lastSeq;
    this.#page = state.page === null ? null : new PageOfPicks(door, this, state.page);
  }

  /** All of the session as it is now. */
  state(): Promise<SessionState> {
    return this.door.ask(this.#path, { query: { who: this.door.who } });
  }

  /**
   * Learns from the labels so far and gives the next page; where somebody has gone on already, theirs. Throws ROUND_GOING
   * when `signal` ends the waiting: the round goes on, and `wait` gets its page.
   */
  async next(alpha?: number, { signal }: { signal?: AbortSignal } = {}): Promise<PageOfPicks> {
    const body = { who: this.door.who, seen: this.#seen, alpha };
    try {
      return this.#show(await this.door.ask<Page>(`${this.#path}/rounds`, { body, signal }));
    } catch (cause) {
      if (!signal?.aborted) throw cause;
      this.#begun = true;
      throw new SkyloopError("ROUND_GOING", "interrupted; the round goes on, and wait() gets its page", { cause });
    }
  }

  /** The page of a round that was begun, once the whole survey is ranked. Throws STILL_RANKING after so many seconds. */
  async wait(seconds = 600): Promise<PageOfPicks> {
    const until = performance.now() + seconds * 1000;
    let page = this.#begun ? await this.next() : await this.page();
    for (; page.provisional; page = await this.page()) {
      if (performance.now() > until)
        throw new SkyloopError(
          "STILL_RANKING",
          `round ${page.round} is not ranked after ${seconds} s; wait again, or label the page that is there`,
        );
      await setTimeout(200);
    }
    return page;
  }

  /** The last page. Throws NOT_RANKED. */
  async page(): Promise<PageOfPicks> {
    const { page } = await this.state();
    if (page === null) throw new SkyloopError("NOT_RANKED", "there is no page before the first round; next() makes it");
    return this.#show(page);
  }

  yes(...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { value: "positive" });
  }

  no(...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { value: "negative" });
  }

  unsure(...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { value: "unsure" });
  }

  clear(...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { value: "clear" });
  }

  tag(word: string, ...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { addTag: word });
  }

  untag(word: string, ...objects: Named[]): Promise<PageOfPicks | null> {
    return this.label(objects, { removeTag: word });
  }

  /** Takes back this person's own last action, here or on the page. Throws NOTHING_TO_UNDO. */
  undo(): Promise<PageOfPicks | null> {
    return this.#step("undo");
  }

  /** Brings back what this person took back last. Throws NOTHING_TO_REDO. */
  redo(): Promise<PageOfPicks | null> {
    return this.#step("redo");
  }

  /** The alpha of the next round; sets it where a value is given. */
  async alpha(value?: number): Promise<number> {
    if (value === undefined) return (await this.state()).alpha;
    const body = { who: this.door.who, alpha: value };
    return (await this.door.ask<SessionState>(`${this.#path}/alpha`, { body })).alpha;
  }

  /** Part of the ranking, the best first, as rows or as pictures with the labels of now. Throws NOT_RANKED. */
  ranking(wanted: RankingWanted & { pictures: true }): Promise<Gallery>;
  ranking(wanted?: RankingWanted & { pictures?: false }): Promise<RankedRow[]>;
  async ranking({
    offset = 0,
    limit = 100,
    pictures = false,
    ...filter
  }: RankingWanted & { pictures?: boolean } = {}): Promise<RankedRow[] | Gallery> {
    const query = { ...(filter as Record<string, string | number>), offset, limit };
    const { rows } = await this.door.ask<Ranking>(`${this.#path}/ranking`, { query });
    if (!pictures) return rows;
    const shown = rows.map(({ object, score }) => ({ object, note: score.toFixed(3) }));
    return new Gallery(this.door, this.survey, shown, { labels: async () => (await this.state()).labels });
  }

  /** The whole ranking with its catalogue: its rows, or the bytes of a table file in a format. */
  table(kind: "rows"): Promise<RankedCells[]>;
  table(kind?: ExportFormat): Promise<Uint8Array>;
  async table(kind: ExportFormat | "rows" = "csv"): Promise<Uint8Array | RankedCells[]> {
    const format = kind === "rows" ? "csv" : kind;
    const bytes = new Uint8Array(
      await (await this.door.send(`${this.#path}/export`, { query: { format } })).arrayBuffer(),
    );
    if (kind !== "rows") return bytes;
    const { columns, rows } = parseDelimited(new TextDecoder().decode(bytes));
    return rows.map((cells) => Object.fromEntries(columns.map((column, i) => [column, cellOf(cells[i])])));
  }

  /**
   * Writes the ranked catalogue to `path`, in the format that its ending names (.csv, .parquet, .fits, .vot) unless one is
   * given, and answers the path. Throws BAD_OPTION for another ending.
   */
  async export(path: string, given?: ExportFormat): Promise<string> {
    const ending = extname(path).toLowerCase();
    const format = given ?? FORMATS[ending];
    if (format === undefined)
      throw new SkyloopError("BAD_OPTION", `export writes ${Object.keys(FORMATS).join(", ")}, not ${ending || path}`);
    await writeFile(path, await this.table(format));
    return path;
  }

  /** Why an object has its score: the labels that raise or lower it most, and where in the picture. Throws NOT_RANKED. */
  async why(object: Named): Promise<Reasons> {
    const { id } = await this.placeOf(object);
    const found = await this.door.ask<Why>(`${this.#path}/why/${encodeURIComponent(id)}`);
    return new Reasons(this.door, this.survey, id, found);
  }

  /** The page itself on this session as an `iframe`; a link, and the warning FRAME_REFUSED, where the server allows none. */
  async open(heightPx = 720): Promise<string> {
    const path = `session/${encodeURIComponent(this.name)}`;
    const address = `${this.door.browser}/${path}`;
    const policy = (await this.door.send(path)).headers.get("Content-Security-Policy") ?? "";
    if (policy.includes("frame-ancestors 'none'")) {
      this.#warn(
        "FRAME_REFUSED",
        `the server lets no notebook show its page; start it with --notebook and the address of your Jupyter (such as http://localhost:8888), or open ${address}`,
      );
      return html`<a href="${address}" target="_blank">${address}</a>`.text;
    }
    const token = this.door.token === undefined ? "" : `#token=${encodeURIComponent(this.door.token)}`;
    return html`<iframe src="${address + token}" style="border:0;width:100%;height:${heightPx}px"></iframe>`.text;
  }

  protected async placeOf(object: Named): Promise<ObjectPlace> {
    const [id] = await this.#ids([object], this.#page);
    return { survey: this.survey, id };
  }

  /**
   * Saves labels or tags. Those given by number are for the page that they stand on: where somebody has gone on, nothing
   * is saved, the warning PAGE_STALE says so, and the page of now is the answer.
   */
  async label(objects: Named[], change: Change, page = this.#page): Promise<PageOfPicks | null> {
    const ids = await this.#ids(objects, page);
    if (ids.length === 0) return page;
    const key = this.door.nextKey();
    const byNumber = objects.some((one) => typeof one === "number" || one === "rest");
    const body = {
      who: this.door.who,
      labels: ids.map((object, i) => ({ ...change, object, clientKey: `${key}/${i}` })),
      seen: byNumber ? page?.round : undefined,
    };
    try {
      await this.#saved(await this.door.ask<Saved>(`${this.#path}/labels`, { body }));
    } catch (error) {
      if (!(error instanceof SkyloopError) || error.code !== "PAGE_STALE") throw error;
      this.#warn("PAGE_STALE", "somebody has gone on to another round: nothing was labelled; this is the page of now");
      return this.page();
    }
    return page;
  }

  #show(page: Page): PageOfPicks {
    this.#page = new PageOfPicks(this.door, this, page);
    this.#seen = page.round;
    this.#begun = false;
    return this.#page;
  }

  async #ids(named: Named[], page: PageOfPicks | null): Promise<string[]> {
    const given = named.flatMap((one) =>
      one === "rest"
        ? []
        : typeof one === "number"
          ? (page ?? new Gallery(this.door, this.survey, [])).pick(one)
          : [one],
    );
    const labels = named.includes("rest") ? (await this.state()).labels : null;
    const rest = labels === null ? [] : (page?.objects ?? []).filter((one) => (labels[one]?.value ?? null) === null);
    return [...new Set([...given, ...rest])];
  }

  async #step(kind: "undo" | "redo"): Promise<PageOfPicks | null> {
    const body = { who: this.door.who, clientKey: this.door.nextKey() };
    await this.#saved(await this.door.ask<Saved>(`${this.#path}/${kind}`, { body }));
    return this.#page;
  }

  /** Says so where another program works under the same name: each would undo what the other did. */
  async #saved({ lastSeq, events }: Saved): Promise<void> {
    const before = this.#lastSeq;
    this.#lastSeq = lastSeq;
    if (lastSeq - before <= events.length) return;
    const between = await this.door.ask<SessionEvent[]>(`${this.#path}/events`, { query: { after: before } });
    for (const { who, clientKey } of between) {
      const program = /^(nb|ts)-[0-9a-f]{8}/.exec(clientKey ?? "")?.[0];
      if (program === undefined || who !== this.door.who || this.#programs.has(program)) continue;
      this.#programs.add(program);
      this.#warn(
        "SAME_WHO",
        `another notebook labels as ${who} too, and undo takes back what either did; connect with another who`,
      );
    }
  }
}

function cellOf(text: string): string | number | null {
  if (text === "") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}
