/** What every driver of the store must do: one suite of tests, run on each. Not part of the program. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionEvent } from "../contract/api.ts";
import type { NewEvent, RoundRecord, SessionSettings, Store } from "./store.ts";

/** Settings of the sessions that the suite makes. */
export const SETTINGS: SessionSettings = {
  survey: "s",
  model: "m",
  weightsHash: "w",
  dataHash: "d",
  target: "t",
  alpha: 0.5,
  pageSize: 10,
  randomPicks: 1,
  seed: 1,
  createdBy: "a",
};

/** A positive label by `who` on an object, as the suite writes it. */
export const label = (object: string, clientKey: string | null = null, who = "a"): NewEvent => ({
  who,
  round: 0,
  kind: "label",
  object,
  value: "positive",
  reason: null,
  clientKey,
});

const ROUND: RoundRecord = {
  round: 1,
  at: "2026-01-01T00:00:00.000Z",
  seed: 7,
  alpha: 0.5,
  mode: "highest",
  weightsHash: "w",
  lastSeq: 3,
  provisional: true,
  exhausted: false,
  picks: [{ object: "x", score: 0.25, reason: "highest" }],
};

/** Hears a subscription, and waits for what is to come. */
function listener() {
  const heard: SessionEvent[] = [];
  const failures: Error[] = [];
  const until = async (done: () => boolean) => {
    for (let i = 0; i < 500 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done()).toBe(true);
  };
  const subscriber = {
    events: (events: SessionEvent[]) => void heard.push(...events),
    failed: (error: Error) => void failures.push(error),
  };
  return { heard, failures, until, subscriber };
}

/**
 * Runs the tests of the store on a driver. `make` gives a new, empty database: `open` opens it once more each time, as
 * another process would.
 */
export function storeSuite(
  name: string,
  make: () => Promise<{ open(): Promise<Store>; remove(): Promise<void> | void }>,
): void {
  describe(`${name} as a store`, () => {
    let place: Awaited<ReturnType<typeof make>>;
    let store: Store;
    let other: Store;
    beforeAll(async () => {
      place = await make();
      [store, other] = await Promise.all([place.open(), place.open()]);
    });
    afterAll(async () => {
      await Promise.all([store.close(), other.close()]);
      await place.remove();
    });

    it("starts a session with its examples, or not at all, and once for each name", async () => {
      const record = await store.addSession("one", SETTINGS, [label("a"), label("b")]);
      expect(record).toMatchObject({ ...SETTINGS, session: "one" });
      expect(await other.session("one")).toEqual(record);
      expect((await other.events("one")).map(({ object }) => object)).toEqual(["a", "b"]);
      await expect(other.addSession("one", SETTINGS, [label("c")])).rejects.toMatchObject({ code: "SESSION_EXISTS" });
      const broken = { ...label("x"), who: null as unknown as string };
      await expect(store.addSession("two", SETTINGS, [label("y"), broken])).rejects.toThrow();
      expect(await store.session("two")).toBeUndefined();
      expect((await other.sessions()).map(({ session }) => session)).toEqual(["one"]);
      expect(await store.events("one")).toHaveLength(2);
    });

    it("keeps what unlabelled objects stand for; a session without it, as older ones are, has none", async () => {
      await store.addSession("finds", { ...SETTINGS, unlabelled: "always" });
      expect(await other.session("finds")).toMatchObject({ ...SETTINGS, unlabelled: "always" });
      expect(await other.session("one")).not.toHaveProperty("unlabelled");
    });

    it("keeps events in order, once for each client key", async () => {
      await store.addSession("keys", SETTINGS);
      const [first] = await store.addEvents("keys", [label("a", "k1")]);
      const [again, second] = await other.addEvents("keys", [label("a", "k1"), label("b")]);
      expect(again).toEqual(first);
      expect(second.seq).toBeGreaterThan(first.seq);
      expect(await store.events("keys", first.seq)).toEqual([second]);
      expect(await store.events("keys", second.seq)).toEqual([]);
      await expect(store.addEvents("none", [label("a")])).rejects.toMatchObject({ code: "SESSION_UNKNOWN" });
    });

    it("writes all of a call or nothing", async () => {
      await store.addSession("whole", SETTINGS);
      const broken = { ...label("b"), value: null as unknown as string };
      await expect(store.addEvents("whole", [label("a", "w1"), broken])).rejects.toThrow();
      expect(await other.events("whole")).toEqual([]);
      expect(await store.addEvents("whole", [label("a", "w1")])).toHaveLength(1);
      expect(await store.events("whole")).toHaveLength(1);
    });

    it("lets a write be decided from all that was before it", async () => {
      await store.addSession("decided", SETTINGS);
      const count = (driver: Store) =>
        driver.addEvents("decided", (before) => [{ ...label("a"), value: String(before.length) }]);
      await Promise.all(Array.from({ length: 12 }, (_, i) => count(i % 2 === 0 ? store : other)));
      const values = (await store.events("decided")).map(({ value }) => Number(value));
      expect(values).toEqual(Array.from({ length: 12 }, (_, i) => i));
      await expect(
        store.addEvents("decided", () => {
          throw new Error("no");
        }),
      ).rejects.toThrow("no");
      expect(await store.events("decided")).toHaveLength(12);
    });

    it("keeps rounds, and the refined page in place of the first", async () => {
      await store.addSession("rounds", SETTINGS);
      await store.saveRound("rounds", ROUND);
      await other.saveRound("rounds", { ...ROUND, round: 2 });
      const picks = [{ object: "y", score: null, reason: "random" as const }];
      await store.saveRound("rounds", { ...ROUND, provisional: false, exhausted: true, picks });
      expect(await other.rounds("rounds")).toEqual([
        { ...ROUND, provisional: false, exhausted: true, picks },
        { ...ROUND, round: 2 },
      ]);
      for (const again of [ROUND, { ...ROUND, round: 2, lastSeq: 4 }])
        await expect(store.saveRound("rounds", again)).rejects.toMatchObject({ code: "ROUND_TAKEN" });
      expect((await store.rounds("rounds"))[1]).toEqual({ ...ROUND, round: 2 });
    });

    it("tells those who asked of every event once, in order, whoever wrote it", async () => {
      await store.addSession("heard", SETTINGS, [label("before"), label("seen")]);
      const [before] = await store.events("heard");
      const { heard, failures, until, subscriber } = listener();
      const leave = store.subscribe("heard", before.seq, subscriber);
      await until(() => heard.length === 1);
      for (let i = 0; i < 20; i++) await (i % 3 === 0 ? other : store).addEvents("heard", [label(`o${i}`)]);
      await until(() => heard.length === 21);
      expect(heard).toEqual((await store.events("heard")).slice(1));
      leave();
      await store.addEvents("heard", [label("after")]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect([heard.length, failures.length]).toEqual([21, 0]);
    });

    it("takes a session of elsewhere as it is, or not at all", async () => {
      const [last] = (await store.sessions()).map(({ session }) => session);
      const seq = ((await store.events(last)).at(-1)?.seq ?? 0) + 1000;
      const record = { ...SETTINGS, session: "taken", createdAt: "2025-01-01" };
      const event = { ...label("a", "k"), seq, at: "long ago" };
      const undo = { ...event, seq: seq + 7, kind: "undo" as const, object: null, value: String(seq), clientKey: null };
      await other.takeSession(record, [event, undo], [ROUND]);
      expect(await store.session("taken")).toEqual(record);
      expect([await store.events("taken"), await store.rounds("taken")]).toEqual([[event, undo], [ROUND]]);
      expect((await store.addEvents("taken", [label("b")]))[0].seq).toBe(seq + 8);
      const again = { ...record, session: "again" };
      await expect(store.takeSession(record, [], [])).rejects.toMatchObject({ code: "SESSION_EXISTS" });
      await expect(store.takeSession(again, [event], [])).rejects.toMatchObject({ code: "STORE_NOT_EMPTY" });
      expect(await store.session("again")).toBeUndefined();
    });

    it("is the same when opened again", async () => {
      const again = await place.open();
      expect(await again.sessions()).toEqual(await store.sessions());
      for (const { session } of await store.sessions())
        expect([await again.events(session), await again.rounds(session)]).toEqual([
          await store.events(session),
          await store.rounds(session),
        ]);
      await again.close();
    });
  });
}
