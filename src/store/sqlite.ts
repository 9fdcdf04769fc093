/**
 * A survey's SQLite database, `skyloop.db`: sessions, label events, rounds. Every write is on disk when its promise is
 * kept (WAL, synchronous = FULL). A lock that another program holds is waited for without holding up this thread.
 */
import { randomInt } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { SkyloopError } from "../base/errors.ts";
import type { SessionEvent } from "../contract/api.ts";
import { numbersTaken, roundTaken, sessionExists, sessionUnknown } from "./refusals.ts";
import { type EventRow, fromRow, type RoundRow, roundFromRow, sessionFromRow } from "./rows.ts";
import { MIGRATIONS } from "./schema.ts";
import { type Database, isBusy, storeError } from "./sqlite-errors.ts";
import { FilesOnDisk } from "./sqlite-files.ts";
import type { NewEvent, RoundRecord, SessionRecord, SessionSettings, Store } from "./store.ts";
import { Subscriptions } from "./subscriptions.ts";

/** How long a lock held by another program is waited for. */
const PATIENCE_MS = 10_000;
const LONGEST_PAUSE_MS = 25;
/** How often events that other processes wrote are looked for. */
const POLL_MS = 500;

/** How the SQLite driver behaves towards other programs. */
export interface SqliteOptions {
  /** How long a lock held by another program is waited for, in milliseconds. */
  patienceMs?: number;
}

/** Opens or makes `skyloop.db` in a folder. Throws STORE_BROKEN, STORE_NEWER, STORE_BUSY, STORE_READ_ONLY, DISK_FULL. */
export async function openStore(folder: string, { patienceMs = PATIENCE_MS }: SqliteOptions = {}): Promise<Store> {
  const path = join(folder, "skyloop.db");
  /** Does `body`, again and again while another program holds the lock; each try is whole or leaves nothing. */
  const patiently = async <T>(body: () => T): Promise<T> => {
    const until = performance.now() + patienceMs;
    for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return body();
      } catch (cause) {
        if (!isBusy(cause) || performance.now() > until) throw storeError(path, cause);
      }
      await setTimeout(pause);
    }
  };
  const db = await patiently(() => opened(path));
  return new SqliteStore(db, new FilesOnDisk(path), patiently);
}

/** Writes the `skyloop.db` of a folder as one file at `path`, without the log that stands beside an open one. */
export function packStore(folder: string, path: string): void {
  const db = opened(join(folder, "skyloop.db"));
  try {
    db.prepare("VACUUM INTO ?").run(path);
  } finally {
    db.close();
  }
}

function opened(path: string): Database {
  const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
  const db = new Libsql(path, { timeout: 0 });
  try {
    db.pragma("busy_timeout = 0");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    // First, so that what tells a new database from others stands in the file itself and not in its log.
    migrate(db, path);
    db.pragma("journal_mode = WAL");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database, path: string): void {
  const version = () => (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
  if (version() > MIGRATIONS.length)
    throw new SkyloopError(
      "STORE_NEWER",
      `${path} was written by a newer Skyloop (version ${version()}, this one knows ${MIGRATIONS.length}); update Skyloop`,
    );
  if (version() === MIGRATIONS.length) return;
  // Two processes may open a new database at once: the second waits for the first and finds the work done.
  transaction(db, () => {
    if (version() === 0) db.exec(`PRAGMA application_id = ${randomInt(1, 2 ** 31)}`);
    for (let next = version(); next < MIGRATIONS.length; next++)
      db.exec(`${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1};`);
  });
}

/**
 * All of `body` or nothing, and what went wrong as it was. Immediate: a transaction that reads first and then finds
 * another writer ahead of it cannot wait for its turn.
 */
function transaction<T>(db: Database, body: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = body();
    db.exec("COMMIT");
    return result;
  } catch (cause) {
    try {
      db.exec("ROLLBACK");
    } catch {
      // A full disk has rolled it back already; the first error says so, this one would hide it.
    }
    throw cause;
  }
}

class SqliteStore implements Store {
  readonly #db: Database;
  readonly #files: FilesOnDisk;
  readonly #patiently: <T>(body: () => T) => Promise<T>;
  readonly #sql: ReturnType<typeof statements>;
  /** Events are only ever appended: those read once are kept, and only later ones are read again. */
  readonly #read = new Map<string, SessionEvent[]>();
  readonly #subscriptions: Subscriptions;

  constructor(db: Database, files: FilesOnDisk, patiently: <T>(body: () => T) => Promise<T>) {
    this.#db = db;
    this.#files = files;
    this.#patiently = patiently;
    this.#sql = statements(db);
    this.#subscriptions = new Subscriptions((session, after) => this.events(session, after), {
      everyMs: POLL_MS,
      version: () => {
        files.check();
        return (this.#sql.version.get() as { data_version: number }).data_version;
      },
    });
  }

  /** A write: acknowledged only when the files that it went to are still those of this path. */
  #write<T>(body: () => T): Promise<T> {
    return this.#patiently(() => {
      this.#files.check();
      const result = transaction(this.#db, body);
      this.#files.check();
      return result;
    });
  }

  async addSession(session: string, settings: SessionSettings, events: NewEvent[] = []): Promise<SessionRecord> {
    const createdAt = new Date().toISOString();
    await this.#write(() => {
      if (this.#sql.session.get(session) !== undefined) throw sessionExists(session);
      this.#sql.addSession.run(session, createdAt, JSON.stringify(settings));
      this.#append(session, events);
    });
    return { ...settings, session, createdAt };
  }

  session(session: string) {
    return this.#patiently(() => sessionFromRow(this.#sql.session.get(session)));
  }

  sessions() {
    return this.#patiently(() => this.#sql.sessions.all().map((row) => sessionFromRow(row) as SessionRecord));
  }

  async addEvents(session: string, events: NewEvent[] | ((before: SessionEvent[]) => NewEvent[])) {
    const written = await this.#write(() => {
      if (this.#sql.session.get(session) === undefined) throw sessionUnknown(session);
      return this.#append(session, typeof events === "function" ? events(this.#eventsOf(session)) : events);
    });
    this.#subscriptions.wake(session);
    return written;
  }

  #append(session: string, events: NewEvent[]): SessionEvent[] {
    return events.map((event): SessionEvent => {
      const { who, round, kind, object, value, reason, clientKey } = event;
      const known = clientKey === null ? undefined : (this.#sql.byKey.get(session, clientKey) as EventRow | undefined);
      if (known !== undefined) return fromRow(known);
      const at = new Date().toISOString();
      const { lastInsertRowid } = this.#sql.addEvent.run(
        session,
        at,
        who,
        round,
        kind,
        object,
        value,
        reason,
        clientKey,
      );
      return { seq: Number(lastInsertRowid), at, ...event };
    });
  }

  #eventsOf(session: string): SessionEvent[] {
    const known = this.#read.get(session) ?? [];
    const fresh = this.#sql.after.all(session, known.at(-1)?.seq ?? 0) as EventRow[];
    for (const row of fresh) known.push(fromRow(row));
    if (known.length > 0) this.#read.set(session, known);
    return known;
  }

  events(session: string, after = 0) {
    return this.#patiently(() => {
      const all = this.#eventsOf(session);
      let first = all.length;
      while (first > 0 && all[first - 1].seq > after) first--;
      return all.slice(first);
    });
  }

  async saveRound(session: string, round: RoundRecord) {
    await this.#write(() => {
      if (this.#sql.saveRound.run(...roundRow(session, round)).changes === 0) throw roundTaken(session, round.round);
    });
  }

  async holdRound() {
    return async () => {};
  }

  async takeSession({ session, createdAt, ...settings }: SessionRecord, events: SessionEvent[], rounds: RoundRecord[]) {
    await this.#write(() => {
      if (this.#sql.session.get(session) !== undefined) throw sessionExists(session);
      this.#sql.addSession.run(session, createdAt, JSON.stringify(settings));
      for (const { seq, at, who, round, kind, object, value, reason, clientKey } of events) {
        const taken = this.#sql.bySeq.get(seq) as { session: string } | undefined;
        if (taken !== undefined) throw numbersTaken(session, taken.session);
        this.#sql.takeEvent.run(seq, session, at, who, round, kind, object, value, reason, clientKey);
      }
      for (const round of rounds) this.#sql.saveRound.run(...roundRow(session, round));
    });
    this.#subscriptions.wake(session);
  }

  rounds(session: string) {
    return this.#patiently(() => (this.#sql.rounds.all(session) as RoundRow[]).map(roundFromRow));
  }

  subscribe(...args: Parameters<Store["subscribe"]>) {
    return this.#subscriptions.add(...args);
  }

  async close() {
    this.#subscriptions.close();
    this.#db.close();
  }
}

function roundRow(session: string, { round, at, seed, alpha, mode, weightsHash, lastSeq, ...page }: RoundRecord) {
  const flags = [Number(page.provisional), Number(page.exhausted)];
  return [session, round, at, seed, alpha, mode, weightsHash, lastSeq, ...flags, JSON.stringify(page.picks)];
}

function statements(db: Database) {
  return {
    addSession: db.prepare("INSERT INTO sessions (session, created_at, settings) VALUES (?, ?, ?)"),
    session: db.prepare("SELECT * FROM sessions WHERE session = ?"),
    sessions: db.prepare("SELECT * FROM sessions ORDER BY created_at DESC, session"),
    addEvent: db.prepare(
      "INSERT INTO events (session, at, who, round, kind, object, value, reason, client_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    takeEvent: db.prepare(
      "INSERT INTO events (seq, session, at, who, round, kind, object, value, reason, client_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    bySeq: db.prepare("SELECT session FROM events WHERE seq = ?"),
    byKey: db.prepare("SELECT * FROM events WHERE session = ? AND client_key = ?"),
    after: db.prepare("SELECT * FROM events WHERE session = ? AND seq > ? ORDER BY seq"),
    saveRound: db.prepare(
      `INSERT INTO rounds (session, round, at, seed, alpha, mode, weights_hash, last_seq, provisional, exhausted, picks)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, round) DO UPDATE SET
       provisional = excluded.provisional, exhausted = excluded.exhausted, picks = excluded.picks
       WHERE rounds.provisional = 1 AND rounds.last_seq = excluded.last_seq`,
    ),
    version: db.prepare("PRAGMA data_version"),
    rounds: db.prepare("SELECT * FROM rounds WHERE session = ? ORDER BY round"),
  };
}
