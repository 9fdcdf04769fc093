/**
 * What a store of sessions promises, whatever keeps it: sessions, label events, rounds. A write is on disk when its
 * promise is kept; one that fails has left nothing behind. `suite.ts` is what every driver must pass.
 */
import type { PagePick, SessionEvent, Unlabelled } from "../contract/api.ts";
import type { Team } from "../contract/team.ts";

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
  /** Shown objects without an answer may come again after so many rounds; absent in older sessions: at the end. */
  returnAfter?: number;
  /** How several people share the session; absent where they do as they like. */
  team?: Team;
  /** Whether the ranking begins with a detector's scores. */
  prior?: "detector";
  /** How long unlabelled objects stand for negatives; absent, as in older sessions: fading. */
  unlabelled?: Unlabelled;
}

/** A session as it was started. */
export interface SessionRecord extends SessionSettings {
  session: string;
  createdAt: string;
}

/** An event before it is written: number and time are given by the store. */
export type NewEvent = Omit<SessionEvent, "seq" | "at">;

/** A round as it was shown: enough to replay it. `lastSeq` is the last event that it learned from. */
export interface RoundRecord {
  round: number;
  at: string;
  seed: number;
  alpha: number;
  mode: "start" | "highest" | "lower" | "mixed";
  weightsHash: string;
  lastSeq: number;
  provisional: boolean;
  exhausted: boolean;
  picks: PagePick[];
}

/** What a survey is known by in a database of many: its name and data, and the data it had before images were added. */
export interface StoredSurvey {
  name: string;
  dataHash: string;
  formerHashes: string[];
}

/** Who hears of a session's events. Neither may throw. */
export interface Subscriber {
  /** Events after those heard before, in order of `seq`, each once. */
  events(events: SessionEvent[]): void;
  /** The store cannot be read; said once, until it can be read again. The subscription goes on. */
  failed(error: Error): void;
}

/**
 * Sessions and what was done in them. Every method may throw STORE_BUSY, STORE_IO, STORE_READ_ONLY, STORE_REPLACED,
 * STORE_BROKEN or DISK_FULL: nothing was saved then, and the same call may be made again. After STORE_AWAY it is not
 * known whether something was: events with client keys may be sent again all the same.
 */
export interface Store {
  /** Starts a session with its first events, all or nothing. Throws SESSION_EXISTS. */
  addSession(session: string, settings: SessionSettings, events?: NewEvent[]): Promise<SessionRecord>;
  session(session: string): Promise<SessionRecord | undefined>;
  /** The newest first. */
  sessions(): Promise<SessionRecord[]>;
  /**
   * Appends events in one transaction. Events whose client key is known already are returned as they were first
   * written. A function decides within the transaction, from all events before: no other write comes between; what it
   * throws is thrown. Throws SESSION_UNKNOWN.
   */
  addEvents(session: string, events: NewEvent[] | ((before: SessionEvent[]) => NewEvent[])): Promise<SessionEvent[]>;
  /** The events after `seq`, in order. */
  events(session: string, after?: number): Promise<SessionEvent[]>;
  /** Writes a round, or the refined page of one. Throws ROUND_TAKEN where there is another of that number. */
  saveRound(session: string, round: RoundRecord): Promise<void>;
  rounds(session: string): Promise<RoundRecord[]>;
  /**
   * Takes the making of a session's rounds for this process, until the function returned is called or the process ends.
   * Throws ROUND_RUNNING while another has it. SQLite lets everybody begin: `saveRound` decides there.
   */
  holdRound(session: string): Promise<() => Promise<void>>;
  /**
   * Adds a session as another store has it, numbers and times included, all or nothing. Throws SESSION_EXISTS,
   * STORE_NOT_EMPTY.
   */
  takeSession(record: SessionRecord, events: SessionEvent[], rounds: RoundRecord[]): Promise<void>;
  /** Tells of the events after `after`, whoever writes them, until the function returned is called. */
  subscribe(session: string, after: number, subscriber: Subscriber): () => void;
  close(): Promise<void>;
}
