import { describe, expect, it } from "vitest";
import { Random } from "../base/random.ts";
import type { Page, SessionEvent } from "../contract/api.ts";
import { Team } from "../contract/team.ts";
import type { SessionRecord } from "../store/store.ts";
import { SETTINGS } from "../store/suite.ts";
import { agreementOf } from "./agreement.ts";
import { fold } from "./fold.ts";
import { consensusOf, goldOf, heardEvents, pageFor, seenLabels, sightOf } from "./team.ts";

const recordOf = (team: Partial<Team> & { mode: Team["mode"] }): SessionRecord => ({
  ...SETTINGS,
  session: "t",
  createdAt: "",
  team: Team.parse(team),
});
type Said = [who: string, object: string, value: string, round?: number];
/** A session's state after people have said something, one after another. */
const foldOf = (said: Said[], secondsApart = 60) =>
  fold(
    said.map(
      ([who, object, value, round = 1], i): SessionEvent => ({
        seq: i + 1,
        at: new Date(Date.UTC(2026, 0, 1, 0, 0, i * secondsApart)).toISOString(),
        who,
        round,
        kind: "label",
        object,
        value,
        reason: round === 0 ? "start" : "highest",
        clientKey: null,
      }),
    ),
    0.5,
  );
const pageOf = (count: number, round = 1): Page => ({
  round,
  provisional: false,
  exhausted: false,
  picks: Array.from({ length: count }, (_, i) => ({ object: `o${i}`, score: 0.5, reason: "highest" })),
});
const PEOPLE = ["ann", "bo", "cy", "di", "ed"];
const known = (who: string) => [who, `first ${who}`, "positive"] satisfies Said;

describe("what several answers come to", () => {
  const said: Said[] = [
    ["ann", "even", "positive"],
    ["bo", "even", "negative"],
    ["ann", "most", "positive"],
    ["bo", "most", "positive"],
    ["cy", "most", "negative"],
    ["ann", "one", "negative"],
    ["ann", "unsure", "unsure"],
    ["ann", "start", "positive", 0],
    ["ann", "gold", "negative"],
  ];

  it("is the majority with its share; what is even is left out, what is known counts once and as known", () => {
    const record = recordOf({ mode: "blind", gold: { positive: ["gold"], negative: ["never asked"] } });
    expect(Object.fromEntries(consensusOf(foldOf(said), record))).toEqual({
      most: { positive: true, weight: 2 / 3 },
      one: { positive: false, weight: 1 },
      start: { positive: true, weight: 1 },
      gold: { positive: true, weight: 1 },
      "never asked": { positive: false, weight: 1 },
    });
  });

  it("waits for the whole panel, but not for the examples of the start", () => {
    const found = consensusOf(foldOf(said), recordOf({ mode: "panel", panel: 3 }));
    expect([...found.keys()].sort()).toEqual(["most", "start"]);
  });

  it("weighs by how right people are, with Dawid and Skene's model", () => {
    const all: Said[] = Array.from({ length: 60 }).flatMap((_, i): Said[] => [
      ...["ann", "bo", "cy"].map((who): Said => [who, `o${i}`, i % 2 === 0 ? "positive" : "negative"]),
      ["yes", `o${i}`, "positive"],
    ]);
    const folded = foldOf([...all, ["yes", "alone", "positive"], ["ann", "by ann", "positive"]]);
    const found = consensusOf(folded, recordOf({ mode: "blind", weights: "dawid-skene" }));
    expect(found.get("by ann")?.weight).toBeGreaterThan(0.9);
    expect(found.get("alone")?.weight).toBeLessThan(0.2);
  });
});

describe("a page that several people share", () => {
  const sharesOf = (mode: "blind" | "panel", overlap: number) => {
    const record = recordOf({ mode, overlap, panel: 3 });
    const folded = foldOf(PEOPLE.map(known));
    const shown = PEOPLE.map((who) => pageFor(record, folded, pageOf(500), who).picks.map(({ object }) => object));
    const counts = new Map<string, number>();
    for (const object of shown.flat()) counts.set(object, (counts.get(object) ?? 0) + 1);
    return { shown, counts: [...counts.values()] };
  };

  it("shows each object to one, and a share to two", () => {
    const { shown, counts } = sharesOf("blind", 0.1);
    expect(counts).toHaveLength(500);
    const twice = counts.filter((count) => count === 2).length;
    expect(new Set(counts)).toEqual(new Set([1, 2]));
    expect(twice / 500).toBeGreaterThan(0.06);
    expect(twice / 500).toBeLessThan(0.14);
    for (const own of shown) expect(own.length).toBeGreaterThan(60);
  });

  it("shows each object to a panel of three", () => {
    expect(new Set(sharesOf("panel", 0).counts)).toEqual(new Set([3]));
  });

  it("is whole for whoever is alone, and keeps most of its parts when somebody joins", () => {
    const record = recordOf({ mode: "blind", overlap: 0 });
    expect(pageFor(record, foldOf([known("ann")]), pageOf(50), "ann")).toEqual(pageOf(50));
    const part = (said: Said[]) => pageFor(record, foldOf(said), pageOf(500), "ann").picks.map(({ object }) => object);
    const before = part(["ann", "bo", "cy", "di"].map(known));
    const after = part(PEOPLE.map(known));
    expect(after.every((object) => before.includes(object))).toBe(true);
    expect(after.length).toBeGreaterThan(0.6 * before.length);
  });

  it("mixes in gold at a rate that halves with every twenty answers, the same for the whole round", () => {
    const gold = { positive: Array.from({ length: 200 }, (_, i) => `g${i}`), negative: [] };
    const record = recordOf({ mode: "shared", gold });
    const share = (answered: number) => {
      const said = Array.from({ length: answered }, (_, i): Said => ["ann", `a${i}`, "positive", 1]);
      const page = pageFor(record, foldOf(said), pageOf(100, 2), "ann");
      expect(pageFor(record, foldOf([...said, ["ann", "now", "positive", 2]]), pageOf(100, 2), "ann")).toEqual(page);
      return page.picks.filter(({ object }) => goldOf(record).has(object)).length / 100;
    };
    expect([share(0), share(19), share(20), share(40), share(60)]).toEqual([0.4, 0.4, 0.2, 0.1, 0.05]);
  });

  it("gives gold no mark that tells it from what the search shows", () => {
    const record = recordOf({ mode: "shared", gold: { positive: ["g1", "g2"], negative: ["g3", "g4"] } });
    const [first, ...rest] = pageOf(10).picks;
    const page: Page = { ...pageOf(10), picks: [{ ...first, reason: "random" }, ...rest] };
    const gold = pageFor(record, foldOf([]), page, "ann").picks.filter(({ object }) => goldOf(record).has(object));
    expect(gold.map(({ reason, score }) => [reason, score])).toEqual(Array(4).fill(["highest", 0.5]));
  });
});

it("a blind session shows of others' labels those on objects that one has answered, and tells of no others", () => {
  const record = recordOf({ mode: "blind" });
  const said: Said[] = [
    ["ann", "a", "positive"],
    ["bo", "a", "negative"],
    ["bo", "b", "positive"],
  ];
  const folded = foldOf(said);
  const sees = sightOf(record, folded, "ann");
  expect(Object.keys(seenLabels(folded.labels, sees))).toEqual(["a"]);
  expect(Object.keys(seenLabels(folded.labels, sightOf(record, folded, null)))).toEqual([]);
  expect(Object.keys(seenLabels(folded.labels, sightOf(recordOf({ mode: "shared" }), folded, null)))).toHaveLength(2);
  const events = said.map(([who, object]) => ({ who, object })) as SessionEvent[];
  expect(heardEvents(events, "ann", sees)).toEqual(events.slice(0, 2));
});

describe("who agrees", () => {
  /** A team that is right so often on objects of which a share is positive; each answers `count` of its own. */
  function team(seed: number, right: Record<string, number>, count: number, overlap: number, goldCount: number) {
    const random = new Random(seed);
    const truth = (object: string) => new Random(seed).fork(object).next() < 0.4;
    const goldIds = Array.from({ length: goldCount }, (_, i) => `gold ${i}`);
    const gold = { positive: goldIds.filter(truth), negative: goldIds.filter((id) => !truth(id)) };
    const said: Said[] = [];
    for (let i = 0; i < count; i++)
      for (const [who, accuracy] of Object.entries(right)) {
        const object = i < goldCount ? `gold ${i}` : random.next() < overlap ? `both ${i}` : `${who} ${i}`;
        const yes = accuracy < 0 || (random.next() < accuracy ? truth(object) : !truth(object));
        said.push([who, object, yes ? "positive" : "negative"]);
      }
    return agreementOf(recordOf({ mode: "blind", gold }), foldOf(said));
  }
  const TEAM = { a: 0.95, b: 0.9, c: 0.85, d: 0.7, yes: -1 };

  it("finds a person who always says yes within forty answers, and accuses few others", () => {
    const trials = Array.from({ length: 60 }, (_, seed) => team(seed, TEAM, 40, 0.1, 12));
    const flagged = (who: string) =>
      trials.filter(({ people }) => (people.find((one) => one.who === who)?.flags.length ?? 0) > 0).length;
    expect(flagged("yes")).toBe(60);
    expect([flagged("a"), flagged("b"), flagged("c")]).toEqual([0, 0, 0]);
    expect(flagged("d")).toBeLessThan(6);
  });

  it("counts answers, gold and agreement, and is silent on fewer than twenty common objects", () => {
    const { people, pairs } = team(1, TEAM, 100, 0.5, 10);
    const yes = people.find(({ who }) => who === "yes");
    expect(yes).toMatchObject({ labels: 100, yes: 100, no: 0, gold: { noRight: 0, noWrong: 0 } });
    const a = people.find(({ who }) => who === "a");
    expect(a?.others?.objects).toBeGreaterThanOrEqual(20);
    expect(a?.others?.kappa).toBeGreaterThan(yes?.others?.kappa ?? 0);
    expect(a?.perHour).toBeGreaterThan(10);
    const rateOf = (secondsApart: number) => {
      const folded = foldOf([known("ann"), ["ann", "o1", "positive"]], secondsApart);
      return agreementOf(recordOf({ mode: "blind" }), folded).people[0].perHour;
    };
    expect([rateOf(5), rateOf(60)]).toEqual([null, 120]);
    expect(pairs.every(({ objects }) => objects >= 20)).toBe(true);
    expect(team(1, TEAM, 15, 0.5, 0).people.every(({ others }) => others === null)).toBe(true);
  });
});
