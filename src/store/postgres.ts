/**
 * Sessions, label events and rounds of one survey in a PostgreSQL database that many surveys and many servers share. A
 * write is committed when its promise is kept.
 */
import { codeOf, messageOf, type SkyloopError } from "../base/errors.ts";
import type { SessionEvent } from "../contract/api.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import { REFUSAL } from "./postgres-schema.ts";
import { numbersTaken, roundRunning, roundTaken, sessionExists, sessionUnknown } from "./refusals.ts";
import { type EventRow, fromRow, type RoundRow, roundFromRow, sessionFromRow } from "./rows.ts";
import type { NewEvent, RoundRecord, SessionRecord, SessionSettings, Store, StoredSurvey } from "./store.ts";
import { Subscriptions } from "./subscriptions.ts";

/** How often events are looked for that nobody told of. */
const POLL_MS = 5000;

/**
 * Opens the sessions of a survey in the database at `url`. Throws BAD_OPTION, STORE_AWAY, STORE_REFUSED, STORE_NEWER.
 */
export async function openPostgres(url: string, { name, dataHash, formerHashes }: StoredSurvey): Promise<Store> {
  const database = await PostgresDatabase.open(url);
  try {
    const [{ id }] = await database.read(
      (sql) => sql`SELECT skyloop.survey_of(${name}, ${dataHash}, ${JSON.stringify(formerHashes)}::text::json) AS id`,
    );
    return new PostgresStore(database, id);
  } catch (error) {
    await database.close();
    throw error;
  }
}

class PostgresStore implements Store {
  readonly #database: PostgresDatabase;
  readonly #survey: number;
  /** Events are only ever appended: those read once are kept, and only later ones are read again. */
  readonly #read = new Map<string, SessionEvent[]>();
  /** A session is never changed after its start, but by events. */
  readonly #records = new Map<string, SessionRecord>();
  readonly #subscriptions: Subscriptions;
  #deaf: (() => void) | null = null;
  #looks = 0;

  constructor(database: PostgresDatabase, survey: number) {
    this.#database = database;
    this.#survey = survey;
    this.#subscriptions = new Subscriptions((session, after) => this.events(session, after), {
      everyMs: POLL_MS,
      // Every look reads: what was said while nobody listened is found then.
      version: () => this.#looks++,
    });
  }

  /** A write, with the database's refusals in the words of every driver. */
  async #write<T>(session: string, body: Parameters<PostgresDatabase["write"]>[0], { again = false } = {}): Promise<T> {
    try {
      return (await (again ? this.#database.read(body) : this.#database.write(body))) as T;
    } catch (error) {
      const { cause } = error as SkyloopError;
      if (codeOf(cause) === REFUSAL.sessionUnknown) throw sessionUnknown(session);
      if (codeOf(cause) === REFUSAL.sessionExists) throw sessionExists(session);
      if (codeOf(cause) === REFUSAL.numbersTaken) throw numbersTaken(session, messageOf(cause));
      throw error;
    }
  }

  async addSession(session: string, settings: SessionSettings, events: NewEvent[] = []): Promise<SessionRecord> {
    const record = { ...settings, session, createdAt: new Date().toISOString() };
    await this.#write(
      session,
      (sql) => sql`SELECT skyloop.begin_session(
        ${this.#survey}, ${session}, ${record.createdAt}, ${JSON.stringify(settings)},
        ${JSON.stringify(events)}::text::json)`,
    );
    return record;
  }

  async session(session: string) {
    const known = this.#records.get(session);
    if (known !== undefined) return known;
    const [row] = await this.#database.read(
      (sql) => sql`SELECT * FROM skyloop.sessions WHERE survey_id = ${this.#survey} AND session = ${session}`,
    );
    const record = sessionFromRow(row);
    if (record !== undefined) this.#records.set(session, record);
    return record;
  }

  async sessions() {
    const rows = await this.#database.read(
      (sql) => sql`
        SELECT * FROM skyloop.sessions WHERE survey_id = ${this.#survey}
        ORDER BY created_at COLLATE "C" DESC, session COLLATE "C"`,
    );
    return rows.map((row) => sessionFromRow(row) as SessionRecord);
  }

  async addEvents(session: string, events: NewEvent[] | ((before: SessionEvent[]) => NewEvent[])) {
    const written = await (typeof events === "function"
      ? this.#decide(session, events)
      : this.#append(session, events, null));
    this.#subscriptions.wake(session);
    return written;
  }

  /** Writes what `decide` makes of all events before; again where others have written meanwhile. */
  async #decide(session: string, decide: (before: SessionEvent[]) => NewEvent[]): Promise<SessionEvent[]> {
    for (;;) {
      const before = await this.events(session);
      try {
        return await this.#append(session, decide(before), before.at(-1)?.seq ?? 0);
      } catch (error) {
        if (codeOf((error as Error).cause) !== REFUSAL.changed) throw error;
      }
    }
  }

  /** Appends in one call; with `last` only where the session has no event after that. */
  async #append(session: string, events: NewEvent[], last: number | null): Promise<SessionEvent[]> {
    const rows = await this.#write<EventRow[]>(
      session,
      (sql) => sql`SELECT * FROM skyloop.append(
        ${this.#survey}, ${session}, ${new Date().toISOString()}, ${JSON.stringify(events)}::text::json, ${last})`,
      // Sent twice it is written once.
      { again: last === null && events.every(({ clientKey }) => clientKey !== null) },
    );
    return rows.map(fromRow);
  }

  async events(session: string, after = 0) {
    const from = this.#read.get(session)?.at(-1)?.seq ?? 0;
    const rows = await this.#database.read(
      (sql) => sql<EventRow[]>`
        SELECT * FROM skyloop.events
        WHERE survey_id = ${this.#survey} AND session = ${session} AND seq > ${from} ORDER BY seq`,
    );
    const all = this.#read.get(session) ?? [];
    // Another caller may have read some of them meanwhile.
    const last = all.at(-1)?.seq ?? 0;
    for (const row of rows) if (row.seq > last) all.push(fromRow(row));
    if (all.length > 0) this.#read.set(session, all);
    let first = all.length;
    while (first > 0 && all[first - 1].seq > after) first--;
    return all.slice(first);
  }

  async saveRound(session: string, round: RoundRecord) {
    const [{ saved }] = await this.#write<{ saved: boolean }[]>(
      session,
      (sql) => sql`
        SELECT skyloop.save_round(${this.#survey}, ${session}, ${JSON.stringify(rowOf(round))}::text::json) AS saved`,
    );
    if (!saved) throw roundTaken(session, round.round);
  }

  async rounds(session: string) {
    const rows = await this.#database.read(
      (sql) => sql<RoundRow[]>`
        SELECT * FROM skyloop.rounds WHERE survey_id = ${this.#survey} AND session = ${session} ORDER BY round`,
    );
    return rows.map(roundFromRow);
  }

  async holdRound(session: string) {
    const release = await this.#database.lock(`skyloop round ${this.#survey} ${session}`);
    if (release === null) throw roundRunning(session);
    return release;
  }

  async takeSession({ session, createdAt, ...settings }: SessionRecord, events: SessionEvent[], rounds: RoundRecord[]) {
    await this.#write(
      session,
      (sql) => sql`SELECT skyloop.take_session(
        ${this.#survey}, ${session}, ${createdAt}, ${JSON.stringify(settings)},
        ${JSON.stringify(events)}::text::json, ${JSON.stringify(rounds.map(rowOf))}::text::json)`,
    );
    this.#subscriptions.wake(session);
  }

  subscribe(...args: Parameters<Store["subscribe"]>) {
    this.#deaf ??= this.#database.listen({
      written: (survey, session) => void (survey === this.#survey && this.#subscriptions.wake(session)),
      again: () => this.#subscriptions.wake(),
    });
    return this.#subscriptions.add(...args);
  }

  async close() {
    this.#deaf?.();
    this.#subscriptions.close();
    await this.#database.close();
  }
}

/** A round as the columns of its table. */
function rowOf({ weightsHash, lastSeq, provisional, exhausted, picks, ...round }: RoundRecord) {
  const flags = { provisional: Number(provisional), exhausted: Number(exhausted) };
  return { ...round, weights_hash: weightsHash, last_seq: lastSeq, ...flags, picks: JSON.stringify(picks) };
}
