/**
 * Tables of skyloop.db, one migration a version. Labels are events: rows are appended, never changed or deleted
 * (triggers see to it).
 */
export const MIGRATIONS: string[] = [
  `
  CREATE TABLE sessions (
    session TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    settings TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL REFERENCES sessions (session),
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    round INTEGER NOT NULL,
    kind TEXT NOT NULL,
    object TEXT,
    value TEXT NOT NULL,
    reason TEXT,
    client_key TEXT
  ) STRICT;
  CREATE INDEX events_of_session ON events (session, seq);
  CREATE UNIQUE INDEX events_once ON events (session, client_key) WHERE client_key IS NOT NULL;
  CREATE TRIGGER events_keep BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
  CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
  CREATE TABLE rounds (
    session TEXT NOT NULL REFERENCES sessions (session),
    round INTEGER NOT NULL,
    at TEXT NOT NULL,
    seed INTEGER NOT NULL,
    alpha REAL NOT NULL,
    mode TEXT NOT NULL,
    weights_hash TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    provisional INTEGER NOT NULL,
    exhausted INTEGER NOT NULL,
    picks TEXT NOT NULL,
    PRIMARY KEY (session, round)
  ) STRICT;
  `,
];
