import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { openStore } from "../store/sqlite.ts";
import { parseDelimited } from "../survey/delimited.ts";
import { importLabels, readLabelTable } from "./import-labels.ts";
import { createSession, sessionState } from "./session.ts";

const folder = temporaryFolder();
const store = await openStore(folder.path);
afterAll(() => {
  store.close();
  folder.remove();
});
const known = ["a", "b", "c", "d,1"];
const survey = {
  name: "s",
  dataHash: "h",
  indexOf: (id: string) => (known.includes(id) ? known.indexOf(id) : undefined),
};

describe("tables as text", () => {
  it("are split at their separator, quotes and all", () => {
    expect(parseDelimited('\uFEFFid,label\r\n"d,1","say ""yes"""\r\n\r\nb,\n')).toMatchObject({
      columns: ["id", "label"],
      rows: [
        ["d,1", 'say "yes"'],
        ["b", ""],
      ],
    });
    expect(parseDelimited("id\tlabel\na\t1").rows).toEqual([["a", "1"]]);
    expect(parseDelimited("")).toMatchObject({ columns: [], rows: [] });
  });
  it("must have ids and labels that are known words", () => {
    expect(readLabelTable("id,label\na,1\nb,No\nc,unsure\nd,\n").map(({ value }) => value)).toEqual([
      "positive",
      "negative",
      "unsure",
    ]);
    expect(readLabelTable("objID;Label\n4611686018427387905;1.0\nb;0.0\nc;NaN\n").map(Object.values)).toEqual([
      ["4611686018427387905", "positive"],
      ["b", "negative"],
    ]);
    expect(() => readLabelTable("name,score\na,1")).toThrow(/needs a header line/);
    expect(() => readLabelTable("id,label\na,maybe")).toThrow(/line 2: label maybe/);
    expect(() => readLabelTable("id,label\na,1\nb,1\na,0\n")).toThrow(
      /a stands twice in the table, as positive in line 2 and as negative in line 4/,
    );
    expect(readLabelTable("id,label\na,1\na,yes\n")).toHaveLength(2);
  });
});

describe("importing labels", () => {
  it("shows conflicts before, keeps both opinions after, and writes nothing twice", async () => {
    const session = await createSession(store, survey, "w", {
      survey: "s",
      model: "m",
      target: "t",
      alpha: 0.5,
      pageSize: 5,
      randomPicks: 1,
      seed: 1,
      who: "ann",
      positive: ["a"],
      negative: ["b"],
    });
    const table = 'id,label\na,negative\nb,negative\n"d,1",positive\nzz,positive\n';
    const looked = await importLabels(store, survey, session, "bob", readLabelTable(table), false);
    expect(looked).toEqual({
      fresh: 1,
      same: 1,
      conflicts: [{ object: "a", here: "positive", who: "ann", imported: "negative" }],
      unknown: ["zz"],
      saved: false,
    });
    const before = (await store.events(session)).length;
    expect((await importLabels(store, survey, session, "bob", readLabelTable(table), true)).saved).toBe(true);
    expect((await store.events(session)).length).toBe(before + 2);
    const state = await sessionState(store, session, "ann", false);
    expect(state.conflicts).toMatchObject([
      {
        object: "a",
        opinions: [
          { who: "ann", value: "positive" },
          { who: "bob", value: "negative" },
        ],
      },
    ]);
    expect(state.labels["d,1"]).toMatchObject({ value: "positive", who: "bob" });
    await importLabels(store, survey, session, "bob", readLabelTable(table), true);
    expect((await store.events(session)).length).toBe(before + 2);
  });
});
