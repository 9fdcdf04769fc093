/**
 * A survey's SQLite database: sessions, label events, rounds. Every write is on disk when the call returns (WAL,
 * synchronous = FULL).
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { codeOf, messageOf, SkyloopError } from "../base/errors.ts";
import type { Page, Pick, SessionEvent } from "../contract/api.ts";
import { MIGRATIONS } from "./schema.ts";

/** The part of libsql's synchronous interface (better-sqlite3's) that is used; its own types are for another class. */
interface Database {
  exec(sql: string): void;
  pragma(text: string): unknown;
  prepare(sql: string): {
    run(...values: unknown[]): { changes: number; lastInsertRowid: number };
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
  };
  transaction<T extends unknown[], R>(body: (...values: T) => R): { immediate(...values: T): R };
  close(): void;
}

/** What a session was started with; alpha may be changed by events. */
export interface SessionSettings {
  survey: string;
  model: string;
  weightsHash: string;
  dataHash: string;
  target: string;
  alpha: number;
  pageSize: number;
  randomPicks: number;
  seed: number;
  createdBy: string;
}

export interface SessionRecord extends SessionSettings {
  session: string;
  createdAt: string;
}

export type NewEvent = Omit<SessionEvent, "seq" | "at">;

/** A round as it was shown: enough to replay it. `lastSeq` is the last event that it learned from. */
export interface RoundRecord {
  round: number;
  at: string;
  seed: number;
  alpha: number;
  mode: "start" | "highest" | "lower";
  weightsHash: string;
  lastSeq: number;
  provisional: boolean;
  exhausted: boolean;
  picks: Pick[];
}

type RoundRow = {
  round: number;
  at: string;
  seed: number;
  alpha: number;
  mode: RoundRecord["mode"];
  weights_hash: string;
  last_seq: number;
  provisional: number;
  exhausted: number;
  picks: string;
};

export interface Store {
  addSession(session: string, settings: SessionSettings): SessionRecord;
  session(session: string): SessionRecord | undefined;
  sessions(): SessionRecord[];
  /**
   * Appends events in one transaction. Events whose client key is known already are returned as they were first
   * written.
   */
  addEvents(session: string, events: NewEvent[]): SessionEvent[];
  /** The events after `seq`, in order. */
  events(session: string, after?: number): SessionEvent[];
  /** Writes a round, or the refined page of one. */
  saveRound(session: string, round: RoundRecord): void;
  rounds(session: string): RoundRecord[];
  close(): void;
}

/** Opens or makes `skyloop.db` in a survey folder. Throws STORE_BROKEN, STORE_NEWER, STORE_BUSY. */
export function openStore(folder: string): Store {
  const path = join(folder, "skyloop.db");
  const db = opened(path);
  const guard = <T>(body: () => T): T => {
    try {
      return body();
    } catch (cause) {
      throw storeError(path, cause);
    }
  };
  const insertSession = db.prepare("INSERT INTO sessions (session, created_at, settings) VALUES (?, ?, ?)");
  const oneSession = db.prepare("SELECT * FROM sessions WHERE session = ?");
  const allSessions = db.prepare("SELECT * FROM sessions ORDER BY created_at DESC, session");
  const insertEvent = db.prepare(
    "INSERT INTO events (session, at, who, round, kind, object, value, reason, client_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const byKey = db.prepare("SELECT * FROM events WHERE session = ? AND client_key = ?");
  const after = db.prepare("SELECT * FROM events WHERE session = ? AND seq > ? ORDER BY seq");
  const upsertRound = db.prepare(
    "INSERT INTO rounds (session, round, at, seed, alpha, mode, weights_hash, last_seq, provisional, exhausted, picks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, round) DO UPDATE SET provisional = excluded.provisional, exhausted = excluded.exhausted, picks = excluded.picks",
  );
  const allRounds = db.prepare("SELECT * FROM rounds WHERE session = ? ORDER BY round");

  // Events are only ever appended: those read once are kept, and only later ones are read again.
  const read = new Map<string, SessionEvent[]>();
  const eventsOf = (session: string): SessionEvent[] => {
    const known = read.get(session) ?? [];
    read.set(session, known);
    for (const row of after.all(session, known.at(-1)?.seq ?? 0) as EventRow[]) known.push(fromRow(row));
    return known;
  };

  // Immediate: a transaction that reads first and then finds another writer ahead of it cannot wait for its turn.
  const append = db.transaction((session: string, events: NewEvent[]) =>
    events.map((event): SessionEvent => {
      const known =
        event.clientKey === null ? undefined : (byKey.get(session, event.clientKey) as EventRow | undefined);
      if (known !== undefined) return fromRow(known);
      const at = new Date().toISOString();
      const { lastInsertRowid } = insertEvent.run(
        session,
        at,
        event.who,
        event.round,
        event.kind,
        event.object,
        event.value,
        event.reason,
        event.clientKey,
      );
      return { seq: Number(lastInsertRowid), at, ...event };
    }),
  );
  return {
    addSession: (session, settings) =>
      guard(() => {
        const createdAt = new Date().toISOString();
        insertSession.run(session, createdAt, JSON.stringify(settings));
        return { session, createdAt, ...settings };
      }),
    session: (session) => guard(() => sessionFromRow(oneSession.get(session))),
    sessions: () => guard(() => allSessions.all().map((row) => sessionFromRow(row) as SessionRecord)),
    addEvents: (session, events) => guard(() => append.immediate(session, events)),
    events: (session, seq = 0) =>
      guard(() => {
        const all = eventsOf(session);
        let first = all.length;
        while (first > 0 && all[first - 1].seq > seq) first--;
        return all.slice(first);
      }),
    saveRound: (session, { round, at, seed, alpha, mode, weightsHash, lastSeq, provisional, exhausted, picks }) =>
      guard(
        () =>
          void upsertRound.run(
            session,
            round,
            at,
            seed,
            alpha,
            mode,
            weightsHash,
            lastSeq,
            Number(provisional),
            Number(exhausted),
            JSON.stringify(picks),
          ),
      ),
    rounds: (session) =>
      guard(() =>
        (allRounds.all(session) as RoundRow[]).map((row) => ({
          round: row.round,
          at: row.at,
          seed: row.seed,
          alpha: row.alpha,
          mode: row.mode,
          weightsHash: row.weights_hash,
          lastSeq: row.last_seq,
          provisional: row.provisional === 1,
          exhausted: row.exhausted === 1,
          picks: JSON.parse(row.picks) as Page["picks"],
        })),
      ),
    close: () => db.close(),
  };
}

type EventRow = {
  seq: number;
  at: string;
  who: string;
  round: number;
  kind: SessionEvent["kind"];
  object: string | null;
  value: string;
  reason: SessionEvent["reason"];
  client_key: string | null;
};

function fromRow({ seq, at, who, round, kind, object, value, reason, client_key }: EventRow): SessionEvent {
  return { seq, at, who, round, kind, object, value, reason, clientKey: client_key };
}

function sessionFromRow(row: unknown): SessionRecord | undefined {
  if (row === undefined) return undefined;
  const { session, created_at, settings } = row as { session: string; created_at: string; settings: string };
  return { session, createdAt: created_at, ...(JSON.parse(settings) as SessionSettings) };
}

function opened(path: string): Database {
  try {
    const Libsql = createRequire(import.meta.url)("libsql") as new (path: string, options: object) => Database;
    const db = new Libsql(path, { timeout: 10_000 });
    db.pragma("busy_timeout = 10000");
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.pragma("foreign_keys = ON");
    migrate(db, path);
    return db;
  } catch (cause) {
    throw storeError(path, cause);
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
  // Two processes may open a new database at once: the second waits here and finds the work done.
  db.exec("BEGIN IMMEDIATE");
  try {
    for (let next = version(); next < MIGRATIONS.length; next++)
      db.exec(`${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1};`);
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

function storeError(path: string, cause: unknown): SkyloopError {
  if (cause instanceof SkyloopError) return cause;
  const text = `${codeOf(cause) ?? ""} ${messageOf(cause)}`;
  if (/SQLITE_FULL|disk is full|ENOSPC/.test(text))
    return new SkyloopError(
      "DISK_FULL",
      `no space left for ${path}; the label was not saved: free some space and label again`,
      { cause },
    );
  if (/SQLITE_BUSY|database is locked/.test(text))
    return new SkyloopError(
      "STORE_BUSY",
      `${path} is being written by another program for more than ten seconds; close it and try again`,
      { cause },
    );
  return new SkyloopError(
    "STORE_BROKEN",
    `${path}: ${messageOf(cause)}; if the file is damaged, restore it from a copy`,
    { cause },
  );
}
