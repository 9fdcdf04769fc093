/** Rows of a database, SQLite's or PostgreSQL's, as the store's interface has them. */
import type { PagePick, SessionEvent } from "../contract/api.ts";
import type { RoundRecord, SessionRecord, SessionSettings } from "./store.ts";

/** How one thing that a person did is kept: columns of the table `events`. */
export type EventRow = {
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

/** A row of the table `rounds`; `picks` is JSON. */
export type RoundRow = {
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

/** Turns columns of the table `events` into an event of the contract. */
export function fromRow({ seq, at, who, round, kind, object, value, reason, client_key }: EventRow): SessionEvent {
  return { seq, at, who, round, kind, object, value, reason, clientKey: client_key };
}

/** A session from its row, whose settings are JSON; undefined without a row. */
export function sessionFromRow(row: unknown): SessionRecord | undefined {
  if (row === undefined) return undefined;
  const { session, created_at, settings } = row as { session: string; created_at: string; settings: string };
  return { session, createdAt: created_at, ...(JSON.parse(settings) as SessionSettings) };
}

/** Turns columns of the table `rounds` into a record; flags are 0 or 1 there, and picks are JSON. */
export function roundFromRow(row: RoundRow): RoundRecord {
  return {
    round: row.round,
    at: row.at,
    seed: row.seed,
    alpha: row.alpha,
    mode: row.mode,
    weightsHash: row.weights_hash,
    lastSeq: row.last_seq,
    provisional: row.provisional === 1,
    exhausted: row.exhausted === 1,
    picks: JSON.parse(row.picks) as PagePick[],
  };
}
