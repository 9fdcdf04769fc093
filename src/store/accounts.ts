/**
 * People and programs that may use a server: names, roles, passwords, logins, invitations. They are in the PostgreSQL
 * database that DATABASE_URL names. Of passwords and tokens only hashes are kept.
 */
import { codeOf, SkyloopError } from "../base/errors.ts";
import { hashPassword, isPassword, newToken, tokenHash } from "../base/secrets.ts";
import type { Role } from "../contract/people.ts";
import { databaseUrl } from "./open.ts";
import { PostgresDatabase } from "./postgres-database.ts";
import { REFUSAL } from "./postgres-schema.ts";

/** Who asks. */
export interface Person {
  id: number;
  name: string;
  role: Role;
}

/** A line of the list of people. */
export interface ListedPerson extends Person {
  service: boolean;
  disabled: boolean;
  /** Logs in at the institute, without a password here. */
  single: boolean;
  createdAt: Date;
}

const TRIES_A_MINUTE = 5;
const UNIQUE_VIOLATION = "23505";

interface UserRow {
  user_id: number;
  name: string;
  role: Role;
  password: string | null;
  subject: string | null;
  service: boolean;
  disabled: boolean;
  created_at: Date;
}
const personOf = ({ user_id, name, role }: UserRow): Person => ({ id: user_id, name, role });

/** The accounts of a database; close them. */
export class Accounts {
  readonly #database: PostgresDatabase;

  private constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Those of the database at `url`. Throws what the store throws. */
  static async open(url: string): Promise<Accounts> {
    return new Accounts(await PostgresDatabase.open(url));
  }

  /** Whether anybody has an account: then everybody needs one. */
  async any(): Promise<boolean> {
    const [{ any }] = await this.#database.read((sql) => sql`SELECT EXISTS (SELECT 1 FROM skyloop.users) AS any`);
    return any;
  }

  /** Everybody, also those who have left: their names stand beside labels. */
  async list(): Promise<ListedPerson[]> {
    const rows = await this.#database.read((sql) => sql<UserRow[]>`SELECT * FROM skyloop.users ORDER BY lower(name)`);
    return rows.map((row) => ({
      ...personOf(row),
      service: row.service,
      disabled: row.disabled,
      single: row.subject !== null,
      createdAt: row.created_at,
    }));
  }

  /** Adds a person with a password, or a program with neither. Throws NAME_TAKEN, PASSWORD_WEAK. */
  async add(name: string, role: Role, password: string | null): Promise<Person> {
    const kept = password === null ? null : await hashPassword(password);
    const row = { name, role, password: kept, service: password === null };
    const [added] = await this.#named(name, () =>
      this.#database.write((sql) => sql<UserRow[]>`INSERT INTO skyloop.users ${sql(row)} RETURNING *`),
    );
    return personOf(added);
  }

  /** Changes a role, or lets somebody in no more: their logins and tokens end. Throws USER_UNKNOWN, LAST_OWNER. */
  async change(name: string, { role, disabled }: { role?: Role; disabled?: boolean }): Promise<void> {
    const [person] = await this.#database.write(
      (sql) => sql`
        WITH others AS (
          SELECT count(*) AS owners FROM skyloop.users
          WHERE role = 'owner' AND NOT disabled AND NOT service AND lower(name) <> lower(${name})
        ), changed AS (
          UPDATE skyloop.users
          SET role = coalesce(${role ?? null}, role), disabled = coalesce(${disabled ?? null}, disabled) FROM others
          WHERE lower(name) = lower(${name})
            AND (owners > 0 OR role <> 'owner' OR service
              OR (coalesce(${role ?? null}, role) = 'owner' AND NOT ${disabled ?? false}))
          RETURNING user_id
        ), ended AS (
          DELETE FROM skyloop.logins WHERE ${disabled ?? false} AND user_id IN (SELECT user_id FROM changed)
        )
        SELECT user_id FROM changed`,
    );
    if (person !== undefined) return;
    if ((await this.list()).some((one) => one.name.toLowerCase() === name.toLowerCase()))
      throw new SkyloopError("LAST_OWNER", `${name} is the only owner; make somebody else an owner first`);
    throw userUnknown(name);
  }

  /** Gives somebody another password; their logins end, but that of `stays`. Throws USER_UNKNOWN, PASSWORD_WEAK. */
  async setPassword(name: string, password: string, stays: string | null = null): Promise<void> {
    const kept = await hashPassword(password);
    const rows = await this.#database.write(
      (sql) => sql`
        WITH changed AS (
          UPDATE skyloop.users SET password = ${kept} WHERE lower(name) = lower(${name}) AND NOT service RETURNING user_id
        ), ended AS (
          DELETE FROM skyloop.logins WHERE user_id IN (SELECT user_id FROM changed)
            AND token_hash IS DISTINCT FROM ${stays === null ? null : tokenHash(stays)}
        )
        SELECT user_id FROM changed`,
    );
    if (rows.length === 0) throw userUnknown(name);
  }

  /** Who has this name and password. Throws LOGIN_REFUSED, and LOGIN_LIMIT after five tries in a minute. */
  async check(name: string, password: string): Promise<Person> {
    const [{ tries }] = await this.#database.write((sql) => sql`SELECT skyloop.note_try(${name}) AS tries`);
    if (tries > TRIES_A_MINUTE)
      throw new SkyloopError("LOGIN_LIMIT", `more than ${TRIES_A_MINUTE} tries in a minute; wait a minute`);
    const [row] = await this.#database.read(
      (sql) => sql<UserRow[]>`SELECT * FROM skyloop.users WHERE lower(name) = lower(${name}) AND NOT disabled`,
    );
    if (!(await isPassword(password, row?.password ?? null)))
      throw new SkyloopError("LOGIN_REFUSED", "name and password do not belong together; try again");
    return personOf(row);
  }

  /** Begins a login, for so many days or, for programs, until it is ended; returns its token. */
  async begin({ id }: Person, days: number | null): Promise<string> {
    const token = newToken();
    await this.#database.write(
      (sql) => sql`
        INSERT INTO skyloop.logins (token_hash, user_id, expires_at)
        VALUES (${tokenHash(token)}, ${id}, now() + make_interval(days => ${days}))`,
    );
    return token;
  }

  /** Whose login a token is; null where it has ended. */
  async whose(token: string): Promise<Person | null> {
    const [row] = await this.#database.read(
      (sql) => sql<UserRow[]>`
        SELECT users.* FROM skyloop.logins JOIN skyloop.users USING (user_id)
        WHERE token_hash = ${tokenHash(token)} AND (expires_at IS NULL OR expires_at > now()) AND NOT disabled`,
    );
    return row === undefined ? null : personOf(row);
  }

  /** Ends a login, or all of that person. */
  async end(token: string, everywhere: boolean): Promise<void> {
    await this.#database.write(
      (sql) => sql`
        DELETE FROM skyloop.logins WHERE token_hash = ${tokenHash(token)}
        OR (${everywhere} AND user_id = (SELECT user_id FROM skyloop.logins WHERE token_hash = ${tokenHash(token)}))`,
    );
  }

  /** An invitation that may be used once, within so many days; returns its token. */
  async invite(role: Role, by: string, days: number): Promise<string> {
    const token = newToken();
    await this.#database.write(
      (sql) => sql`
        INSERT INTO skyloop.invitations (token_hash, role, invited_by, expires_at)
        VALUES (${tokenHash(token)}, ${role}, ${by}, now() + make_interval(days => ${days}))`,
    );
    return token;
  }

  /** The role that an invitation gives. Throws INVITATION_USED. */
  async invited(token: string): Promise<Role> {
    const [row] = await this.#database.read(
      (sql) => sql<{ role: Role }[]>`
        SELECT role FROM skyloop.invitations
        WHERE token_hash = ${tokenHash(token)} AND used_by IS NULL AND expires_at > now()`,
    );
    if (row === undefined) throw invitationUsed();
    return row.role;
  }

  /**
   * Makes an account by an invitation, with a password or the subject of a single sign-on. Throws INVITATION_USED,
   * NAME_TAKEN, PASSWORD_WEAK.
   */
  async accept(token: string, name: string, by: { password: string } | { subject: string }): Promise<Person> {
    const password = "password" in by ? await hashPassword(by.password) : null;
    const subject = "subject" in by ? by.subject : null;
    try {
      const [row] = await this.#named(name, () =>
        this.#database.write(
          (sql) => sql<UserRow[]>`
            SELECT * FROM skyloop.accept_invitation(${tokenHash(token)}, ${name}, ${password}, ${subject})`,
        ),
      );
      return personOf(row);
    } catch (error) {
      if (codeOf((error as Error).cause) === REFUSAL.invitationUsed) throw invitationUsed();
      throw error;
    }
  }

  /** Who logs in by single sign-on as `subject`; null where nobody does. */
  async bySubject(subject: string): Promise<Person | null> {
    const [row] = await this.#database.read(
      (sql) => sql<UserRow[]>`SELECT * FROM skyloop.users WHERE subject = ${subject} AND NOT disabled`,
    );
    return row === undefined ? null : personOf(row);
  }

  async #named<T>(name: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (codeOf((error as Error).cause) !== UNIQUE_VIOLATION) throw error;
      throw new SkyloopError("NAME_TAKEN", `there is an account ${name} already, or there was; choose another name`);
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** The accounts of the database that DATABASE_URL names; null where none is named. */
export async function openAccounts(): Promise<Accounts | null> {
  const url = databaseUrl();
  return url === null ? null : Accounts.open(url);
}

const userUnknown = (name: string) => new SkyloopError("USER_UNKNOWN", `there is no account ${name}`);
const invitationUsed = () =>
  new SkyloopError("INVITATION_USED", "this invitation has been used, or is older than a week; ask for another one");
