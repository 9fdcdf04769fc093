import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hasPostgres, TestPostgres, testDatabase } from "../../test/fixtures/postgres.ts";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import type { SessionEvent } from "../contract/api.ts";
import { copySessions } from "./copy.ts";
import { openPostgres } from "./postgres.ts";
import { openStore } from "./sqlite.ts";
import type { Store, StoredSurvey } from "./store.ts";
import { label, SETTINGS, storeSuite } from "./suite.ts";

const SURVEY: StoredSurvey = { name: "s", dataHash: "d", formerHashes: [] };
let url = "";
let store: Store;
let raw: postgres.Sql;

/** Cuts connections of the store (not this test's), those that `where` names. */
const cut = (where: string) =>
  raw.unsafe(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'skyloop' AND datname = current_database() AND ${where}`,
  );
/** Waits for a connection of the store that waits for a lock. */
async function blocked(): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const [{ count }] =
      await raw`SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
    if (count > 0) return;
    await setTimeout(10);
  }
  throw new Error("nobody waits for a lock");
}

describe.skipIf(!hasPostgres)("PostgreSQL", () => {
  storeSuite("PostgreSQL", async () => {
    const place = await testDatabase();
    return { open: () => openPostgres(place, SURVEY), remove: () => {} };
  });

  beforeAll(async () => {
    url = await testDatabase();
    raw = postgres(url, { max: 4, onnotice: () => {} });
  });
  afterAll(() => raw.end());
  beforeEach(async () => {
    store = await openPostgres(url, SURVEY);
  });
  afterEach(() => store.close());

  it("never changes events and never deletes them", async () => {
    await store.addSession("kept", SETTINGS, [label("a")]);
    for (const text of [
      "UPDATE skyloop.events SET value = 'negative'",
      "DELETE FROM skyloop.events",
      "TRUNCATE skyloop.events",
      "TRUNCATE skyloop.surveys CASCADE",
    ])
      await expect(raw.unsafe(text)).rejects.toThrow(/never changed or deleted/);
    expect(await store.events("kept")).toHaveLength(1);
  });

  it("keeps surveys of other names or data apart, and finds one again that got more images", async () => {
    await store.addSession("mine", SETTINGS, [label("a")]);
    const sessionsOf = async (survey: StoredSurvey) => {
      const other = await openPostgres(url, survey);
      const known = await other.sessions();
      await other.close();
      return known.map(({ session }) => session);
    };
    expect(await sessionsOf({ ...SURVEY, name: "other" })).toEqual([]);
    expect(await sessionsOf({ ...SURVEY, dataHash: "else" })).toEqual([]);
    expect(await sessionsOf({ ...SURVEY, dataHash: "more", formerHashes: ["d"] })).toContain("mine");
    expect(await sessionsOf(SURVEY)).toContain("mine");
  });

  it("makes its tables once, whoever comes first, and refuses those of a newer version", async () => {
    const fresh = await testDatabase();
    const opened = await Promise.all([SURVEY, { ...SURVEY, name: "t" }].map((survey) => openPostgres(fresh, survey)));
    await Promise.all(opened.map((one) => one.close()));
    const sql = postgres(fresh, { max: 1 });
    await sql`INSERT INTO skyloop.migrations (version) VALUES (999)`;
    await sql.end();
    await expect(openPostgres(fresh, SURVEY)).rejects.toMatchObject({ code: "STORE_NEWER" });
  });

  it("copies sessions from SQLite and back, equal in everything, also when begun again", async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    const from = await openStore(one.path);
    for (const session of ["first", "second"]) {
      await from.addSession(session, { ...SETTINGS, alpha: 1 / 3 }, [label("a", `${session} k`)]);
      await from.addEvents(session, [label("ü 'b'"), { ...label("c"), object: null, kind: "alpha", value: "0.1" }]);
    }
    await from.addEvents("first", [label("d")]);
    const picks = [{ object: "x", score: 0.1 + 0.2, reason: "highest" as const }];
    const round = { round: 1, at: "t", seed: 2 ** 31 - 1, alpha: 1 / 3, mode: "mixed" as const, weightsHash: "w" };
    await from.saveRound("first", { ...round, lastSeq: 3, provisional: true, exhausted: false, picks });
    const there = await openPostgres(url, { ...SURVEY, name: "copied" });
    const back = await openStore(two.path);
    const told: unknown[] = [];
    await copySessions(from, there);
    await copySessions(from, there, (copied) => told.push([copied.session, copied.events, copied.there]));
    await copySessions(there, back);
    expect(told).toEqual([
      ["first", 4, true],
      ["second", 3, true],
    ]);
    for (const { session } of await from.sessions()) {
      expect(await back.session(session)).toEqual(await from.session(session));
      expect(JSON.stringify(await back.events(session))).toBe(JSON.stringify(await from.events(session)));
      expect(JSON.stringify(await back.rounds(session))).toBe(JSON.stringify(await from.rounds(session)));
    }
    await from.addEvents("first", [label("e")]);
    await expect(copySessions(from, there)).rejects.toMatchObject({ code: "SESSION_EXISTS" });
    await Promise.all([from.close(), there.close(), back.close()]);
    for (const folder of [one, two]) folder.remove();
  });

  it.each([
    ["port", /:\d+\//, ":1/", "STORE_AWAY"],
    ["host", /127\.0\.0\.1/, "nowhere.invalid", "STORE_AWAY"],
    ["password", /:pass[^@]*/, ":wrong", "STORE_REFUSED"],
    ["name", /skyloop:/, "nobody:", "STORE_REFUSED"],
    ["database", /[^/]*$/, "none", "STORE_REFUSED"],
    ["protocol", /postgres:/, "mysql:", "BAD_OPTION"],
  ] as const)("says which %s is wrong, and never the password", async (_, part, wrong, code) => {
    const error = await openPostgres(url.replace(part, wrong), SURVEY).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(/DATABASE_URL/);
    expect((error as Error).message).not.toContain(new URL(url).password);
  });

  it("writes a click once whose connection is cut in the middle, when it is sent again", async () => {
    await store.addSession("cut", SETTINGS);
    // Whoever has the survey's turn holds up the append between its BEGIN and its INSERT.
    const [{ survey_id }] = await raw`SELECT survey_id FROM skyloop.sessions WHERE session = 'cut'`;
    const holder = await raw.reserve();
    await holder`SELECT pg_advisory_lock(${0x736b79}, ${survey_id})`;
    const click = store.addEvents("cut", [label("a", "k")]).catch((error) => error);
    // A click with a key is sent once more by the store itself, then by the page.
    for (let i = 0; i < 2; i++) {
      await blocked();
      await cut("wait_event_type = 'Lock'");
    }
    expect(await click).toMatchObject({ code: "STORE_AWAY" });
    await holder`SELECT pg_advisory_unlock(${0x736b79}, ${survey_id})`;
    holder.release();
    for (let i = 0; i < 2; i++) await store.addEvents("cut", [label("a", "k")]);
    expect(await store.events("cut")).toHaveLength(1);
  });

  it("goes on after its idle connections were cut", async () => {
    await store.addSession("idle", SETTINGS, [label("a")]);
    await cut("true");
    expect(await store.events("idle")).toHaveLength(1);
    await cut("true");
    expect(await store.addEvents("idle", [label("b", "k")])).toHaveLength(1);
  });

  it("says that the disk is full, saves nothing then, and goes on when it is not", async () => {
    await store.addSession("full", SETTINGS);
    await raw.unsafe(
      "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; CREATE TRIGGER full_disk AFTER INSERT ON skyloop.events FOR EACH ROW EXECUTE FUNCTION full_disk()",
    );
    await expect(store.addEvents("full", [label("a", "k")])).rejects.toMatchObject({ code: "DISK_FULL" });
    await raw.unsafe("DROP TRIGGER full_disk ON skyloop.events; DROP FUNCTION full_disk");
    expect(await store.events("full")).toEqual([]);
    expect(await store.addEvents("full", [label("a", "k")])).toHaveLength(1);
  });

  it("says that text cannot be kept, or that the database takes no writes", async () => {
    await store.addSession("refused", SETTINGS);
    await expect(store.addEvents("refused", [label("a\u0000b")])).rejects.toMatchObject({ code: "BAD_REQUEST" });
    const standby = await openPostgres(`${url}?default_transaction_read_only=on`, SURVEY);
    await expect(standby.addEvents("refused", [label("a")])).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
    expect(await standby.events("refused")).toEqual([]);
    await standby.close();
  });

  it("orders events by their numbers, whatever the servers' clocks say", async () => {
    await store.addSession("clocks", SETTINGS);
    const late = await openPostgres(url, SURVEY);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-01T12:00:00Z") });
    await store.addEvents("clocks", [label("first")]);
    vi.setSystemTime(Date.parse("2026-01-01T11:00:00Z"));
    await late.addEvents("clocks", [label("second")]);
    vi.useRealTimers();
    const events = await store.events("clocks");
    expect(events.map(({ object }) => object)).toEqual(["first", "second"]);
    expect(events[0].at > events[1].at).toBe(true);
    await late.close();
  });

  it("lets one process at a time make a session's round, and another when that has died", async () => {
    await store.addSession("rounds", SETTINGS);
    const release = await store.holdRound("rounds");
    await expect(store.holdRound("rounds")).rejects.toMatchObject({ code: "ROUND_RUNNING" });
    await (await store.holdRound("another"))();
    await release();
    const dead = await store.holdRound("rounds");
    await cut("pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)");
    for (let i = 0; i < 50; i++)
      if ((await raw`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`).length === 0) break;
    await (await store.holdRound("rounds"))();
    await dead();
  });
});

describe.skipIf(!hasPostgres)("a PostgreSQL that is restarted", () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  it("has told every event once, in order, although listeners were cut and the server crashed", async () => {
    const server = await TestPostgres.make(folder.path);
    url = await server.database();
    raw = postgres(url, { max: 1, onnotice: () => {}, backoff: () => 0.1 });
    const [writer, reader] = [await openPostgres(url, SURVEY), await openPostgres(url, { ...SURVEY })];
    await writer.addSession("t", SETTINGS);
    const heard: SessionEvent[] = [];
    const failures: string[] = [];
    const leave = reader.subscribe("t", 0, {
      events: (events) => void heard.push(...events),
      failed: (error) => void failures.push((error as Error & { code: string }).code),
    });
    const COUNT = 1000;
    for (let done = 0; done < COUNT; done += 20) {
      if (done === 200 || done === 800) await cut("query ILIKE 'listen%'");
      if (done === 500) {
        await server.stop("SIGQUIT");
        void setTimeout(300).then(() => server.start());
      }
      // As the page does: the same keys again until they are saved.
      const part = Array.from({ length: 20 }, (_, i) => label(`o${done + i}`, `k${done + i}`));
      while (!(await writer.addEvents("t", part).catch(() => null))) await setTimeout(50);
    }
    for (let i = 0; i < 700 && heard.length < COUNT; i++) await setTimeout(10);
    expect(heard.map(({ object }) => object)).toEqual(Array.from({ length: COUNT }, (_, i) => `o${i}`));
    expect(new Set(failures)).toEqual(failures.length > 0 ? new Set(["STORE_AWAY"]) : new Set());
    // The listener hears again by itself: what is written now is told long before the poll.
    const before = performance.now();
    await writer.addEvents("t", [label("last")]);
    for (let i = 0; i < 700 && heard.length === COUNT; i++) await setTimeout(5);
    expect(performance.now() - before).toBeLessThan(3000);
    leave();
    await Promise.all([writer.close(), reader.close(), raw.end()]);
    await server.stop();
  });
});
