/**
 * One PostgreSQL database as this process uses it: a pool of connections shared by the stores of all surveys in it, one
 * connection that listens, migrations.
 *
 * A connection that is cut while a statement waits to be sent leaves the pool of postgres 3.4.9 damaged
 * (porsager/postgres#1066, #1208): so each statement is a transaction of its own, nothing is sent on a connection after
 * it failed, and a pool is given up with its first connection that fails.
 */
import postgres from "postgres";
import { SkyloopError } from "../base/errors.ts";
import { postgresError, shownAddress, storeAway } from "./postgres-errors.ts";
import { LOCK_CLASS, NOTICES, POSTGRES_MIGRATIONS } from "./postgres-schema.ts";

/** Writers of one survey wait for each other, each with a connection. */
const CONNECTIONS = 8;
/** A server that says nothing for so long is away. */
const PATIENCE_MS = 15_000;
/** How often the listener is asked whether it still hears. */
const ECHO_MS = 5000;
const HEAR_AGAIN_MS = 200;

/** Statements written as templates. */
export type Sql = postgres.Sql<{ bigint: number }>;

/** Hears which survey and session something was written to. */
export interface Ear {
  written(surveyId: number, session: string): void;
  /** The connection was cut and is there again: what was said in between was not heard. */
  again(): void;
}

const databases = new Map<string, { database: Promise<PostgresDatabase>; users: number }>();

/** Options of postgres 3.4.9, with one that its types leave out. */
type Options = postgres.Options<Record<string, never>> & { onnotify?(channel: string, text: string): void };

/** A connection that stays. */
const OWN = { max: 1, idle_timeout: 0, max_lifetime: null };

const connect = (url: string, more: Options = {}): Sql =>
  postgres(url, {
    max: CONNECTIONS,
    connect_timeout: 10,
    idle_timeout: 60,
    backoff: () => 0.2,
    fetch_types: false,
    connection: { application_name: "skyloop" },
    onnotice: () => {},
    ...more,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  });

/** A database that is open, and how many stores use it. */
export class PostgresDatabase {
  readonly address: string;
  readonly #url: string;
  readonly #ears = new Set<Ear>();
  #pool: Sql;
  #listener: Sql | null = null;
  #heard = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(url: string) {
    this.#url = url;
    this.address = shownAddress(url);
    this.#pool = connect(url);
  }

  /**
   * The database at an address, its tables made or brought up to date; opened once, closed when its last user has.
   * Throws BAD_OPTION, STORE_AWAY, STORE_REFUSED, STORE_NEWER.
   */
  static async open(url: string): Promise<PostgresDatabase> {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
      throw new SkyloopError(
        "BAD_OPTION",
        "DATABASE_URL is postgres://NAME:PASSWORD@HOST:5432/DATABASE, with special characters of name and password as %XX",
      );
    const entry = databases.get(url) ?? { database: PostgresDatabase.#opened(url), users: 0 };
    databases.set(url, entry);
    entry.users++;
    try {
      return await entry.database;
    } catch (error) {
      if (databases.get(url) === entry) databases.delete(url);
      throw error;
    }
  }

  static async #opened(url: string): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(url);
    try {
      await database.migrate();
      return database;
    } catch (error) {
      await database.#pool.end({ timeout: 1 });
      throw error;
    }
  }

  /** Does what may be done twice; once more where the connection turns out to be cut. */
  async read<T>(body: (sql: Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.write(body);
    } catch (error) {
      if ((error as SkyloopError).code !== "STORE_AWAY") throw error;
      return this.write(body);
    }
  }

  /** Does one statement, which is a transaction of its own. */
  async write<T>(body: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const pool = this.#pool;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(storeAway(this.address, `nothing heard for ${PATIENCE_MS / 1000} s`)),
        PATIENCE_MS,
      );
    });
    try {
      return await Promise.race([body(pool), late]);
    } catch (cause) {
      const error = postgresError(this.address, cause);
      if (error.code === "STORE_AWAY" && this.#pool === pool) {
        this.#pool = connect(this.#url);
        void pool.end({ timeout: PATIENCE_MS / 1000 });
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Tries to take a lock that lasts until the function returned is called or this process ends; null where another has
   * it. It has a connection of its own, and ends with that.
   */
  async lock(name: string): Promise<(() => Promise<void>) | null> {
    const own = connect(this.#url, OWN);
    try {
      const [{ held }] = await own`SELECT pg_try_advisory_lock(hashtextextended(${name}, 0)) AS held`;
      if (held) return () => own.end({ timeout: 1 });
    } catch (cause) {
      await own.end({ timeout: 1 });
      throw postgresError(this.address, cause);
    }
    await own.end({ timeout: 1 });
    return null;
  }

  /** Tells an ear of every write from now on, whoever does it, until the function returned is called. */
  listen(ear: Ear): () => void {
    this.#ears.add(ear);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#echo(), ECHO_MS).unref();
      this.#hear();
    }
    return () => void this.#ears.delete(ear);
  }

  /** Listens on a new connection, in place of one that may be deaf. */
  #hear(): void {
    const before = this.#listener;
    this.#heard = true;
    let lost = false;
    const later = () => {
      if (lost || this.#listener !== listener) return;
      lost = true;
      setTimeout(() => this.#listener === listener && this.#hear(), HEAR_AGAIN_MS).unref();
    };
    const listener = connect(this.#url, { ...OWN, onclose: later, onnotify: (_, text) => this.#told(text) });
    this.#listener = listener;
    void before?.end({ timeout: 0 });
    listener.unsafe(`LISTEN ${NOTICES}`).then(() => {
      for (const ear of this.#ears) ear.again();
    }, later);
  }

  #told(text: string): void {
    this.#heard = true;
    const [survey, session] = text.split(" ");
    if (session !== undefined) for (const ear of this.#ears) ear.written(Number(survey), session);
  }

  /** A connection may be dead without anybody having said so: what this process says itself must come back. */
  #echo(): void {
    if (!this.#heard) {
      this.#hear();
      return;
    }
    this.#heard = false;
    this.write((sql) => sql`SELECT pg_notify(${NOTICES}, 'echo')`).catch(() => {});
  }

  /** Makes the tables, or brings them up to date; whoever comes second waits for the first. Throws STORE_NEWER. */
  async migrate(): Promise<void> {
    const steps = POSTGRES_MIGRATIONS.map(
      (text, i) => `
      IF NOT EXISTS (SELECT 1 FROM skyloop.migrations WHERE version > ${i}) THEN
        ${text.replace(/;\s*$/, "")};
        INSERT INTO skyloop.migrations (version) VALUES (${i + 1});
      END IF;`,
    );
    await this.write((sql) =>
      sql.unsafe(`DO $migrate$ BEGIN
      PERFORM pg_advisory_xact_lock(${LOCK_CLASS}, 0);
      IF to_regclass('skyloop.migrations') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS skyloop;
        CREATE TABLE skyloop.migrations (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
      END IF;
      ${steps.join("\n")}
      END $migrate$`),
    );
    const [{ version }] = await this.read((sql) => sql`SELECT max(version) AS version FROM skyloop.migrations`);
    if (version > POSTGRES_MIGRATIONS.length)
      throw new SkyloopError(
        "STORE_NEWER",
        `${this.address} was written by a newer Skyloop (version ${version}, this one knows ${POSTGRES_MIGRATIONS.length}); update Skyloop`,
      );
  }

  /** Ends the connections when nobody else in this process uses the database. */
  async close(): Promise<void> {
    const entry = databases.get(this.#url);
    if (entry === undefined || --entry.users > 0) return;
    databases.delete(this.#url);
    clearInterval(this.#timer);
    const listener = this.#listener;
    this.#listener = null;
    await Promise.all([this.#pool.end({ timeout: 2 }), listener?.end({ timeout: 0 })]);
  }
}
