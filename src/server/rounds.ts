/** Rounds of sessions as the server runs them: one at a time for a session, its news to everybody who listens. */
import { codeOf, messageOf, type SkyloopError } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { NewRound, Page } from "../contract/api.ts";
import { changeAlpha, currentRound, findSession, sessionState } from "../loop/session.ts";
import type { Compute } from "./compute.ts";
import type { RoundNews } from "./jobs.ts";
import type { Streams } from "./stream.ts";
import type { ServedSurvey } from "./workspace.ts";

interface Going {
  round: number;
  page: Promise<Page>;
}

/** Makes rounds, finishes those that a stop cut short, and tells listeners how it goes. */
export class Rounds {
  readonly #compute: Compute;
  readonly #streams: Streams;
  /** Rounds whose first page is being chosen. */
  readonly #choosing = new Map<string, Going>();
  /** Sessions whose last round has been looked at since the server started. */
  readonly #looked = new Set<string>();

  constructor(compute: Compute, streams: Streams) {
    this.#compute = compute;
    this.#streams = streams;
  }

  /** The first page of the next round, or of one that is there or on its way and that `seen` says is not known yet. */
  async next(served: ServedSurvey, session: string, { who, alpha, seen }: NewRound): Promise<Page> {
    const { store } = served;
    await findSession(store, session);
    if (alpha !== undefined) await changeAlpha(store, session, who, alpha);
    const known = seen === undefined ? null : (await sessionState(store, session, null, true)).page;
    const last = currentRound(await store.rounds(session));
    // Nothing is waited for from here until the round is noted, so that two that ask at once get the same one.
    const going = this.#choosing.get(session);
    if (going !== undefined && going.round > Math.max(last, seen ?? 0)) return going.page;
    if (known !== null && seen !== undefined && known.round > seen) return known;
    return this.#make(served, session, last + 1);
  }

  /** Finishes the last round of a session where a stop cut it short; looked at once in a server's life. */
  async finishLast({ survey, store }: ServedSurvey, session: string): Promise<void> {
    if (this.#looked.has(session)) return;
    this.#looked.add(session);
    const last = (await store.rounds(session)).at(-1);
    if (last?.provisional !== true || this.#choosing.has(session)) return;
    this.#make({ survey, store }, session, last.round).catch((error) =>
      log.warn({ session, code: codeOf(error) }, messageOf(error)),
    );
  }

  #make({ survey }: Pick<ServedSurvey, "survey" | "store">, session: string, round: number): Promise<Page> {
    this.#looked.add(session);
    const page = new Promise<Page>((resolve, reject) => {
      const tell = (news: RoundNews) => {
        if (news.type === "page") resolve(news.page);
        this.#streams.send(session, news.type === "ranked" ? { ...news, total: survey.count } : news);
      };
      this.#compute.run("round", { folder: survey.folder, session, round }, tell).then(
        (made) => {
          if (made.assessed) this.#streams.send(session, { type: "assessed", round: made.round });
        },
        (error: SkyloopError) => {
          reject(error);
          if (error.code !== "ABORTED")
            this.#streams.send(session, { type: "failed", code: error.code, message: error.message });
        },
      );
    });
    const entry = { round, page };
    this.#choosing.set(session, entry);
    const over = () => void (this.#choosing.get(session) === entry && this.#choosing.delete(session));
    page.then(over, over);
    return page;
  }
}
