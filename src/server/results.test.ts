import { describe, expect, it } from "vitest";
import { servedSurveys } from "../../test/fixtures/server.ts";
import { simulatedId as id } from "../../test/fixtures/surveys.ts";
import type { Page, Ranking, SessionState } from "../contract/api.ts";
import type { Imported, Learning, Preview, Why } from "../contract/insight.ts";
import type { UnusualObject } from "../contract/similar.ts";

const COUNT = 90;
const isPositive = (n: number) => n % 3 === 0;
const { get, post } = servedSurveys(COUNT, isPositive);
let session = "";

const make = async (target: string) =>
  (
    await post("/api/sessions", {
      survey: "small",
      model: "toy",
      target,
      pageSize: 16,
      randomPicks: 8,
      who: "ann",
      positive: [id(0), id(3), id(6)],
      negative: [id(1), id(2), id(4)],
    })
  ).json() as SessionState;
async function round(name: string): Promise<void> {
  const page = (await post(`/api/sessions/${name}/rounds`, { who: "ann" })).json() as Page;
  const labels = page.picks.map(({ object }) => ({
    object,
    value: isPositive(Number(object.slice(4)) - 1) ? "positive" : "negative",
  }));
  await post(`/api/sessions/${name}/labels`, { who: "ann", labels });
}
const learning = async (name: string) => (await get(`/api/sessions/${name}/learning`)).json() as Learning;

describe("how a search goes", () => {
  it("is told after each round: histogram, estimates, cuts, advice", async () => {
    ({ session } = await make("Rings"));
    expect(await learning(session)).toMatchObject({ histogram: null, assessments: [], advice: { verdict: "go on" } });
    expect((await get(`/api/sessions/${session}/why/${id(9)}`)).json().code).toBe("NOT_RANKED");
    // Four pages show eight random picks.
    for (let n = 1; n <= 4; n++) {
      await round(session);
      await expect.poll(async () => (await learning(session)).assessments.length, { timeout: 20_000 }).toBe(n);
    }
    const { histogram, assessments } = await learning(session);
    expect(histogram?.all.reduce((sum, n) => sum + n, 0)).toBe(COUNT);
    const last = assessments[3];
    expect(last.randomPicks).toBeGreaterThanOrEqual(8);
    expect(last.expected?.high).toBeGreaterThanOrEqual(30);
    expect(last.cuts[0].completeness.value).toBeCloseTo(1);
    expect(last.settled).toBeGreaterThan(0);
  }, 60_000);

  it("gives reasons: examples that pull the score, no heat map for features of unknown weights", async () => {
    const why = (await get(`/api/sessions/${session}/why/${id(30)}`)).json() as Why;
    expect(why.examples.length).toBeGreaterThan(4);
    expect(Math.abs(why.examples[0].influence)).toBeCloseTo(1);
    expect(why.heat).toBeNull();
    expect(why.how).toContain("kernel");
  });
});

describe("the unusual and the similar", () => {
  it("come with neighbours, scores and near-duplicates; bad questions are named", async () => {
    const { objects } = (await get("/api/surveys/small/unusual?model=toy&count=7")).json() as {
      objects: UnusualObject[];
    };
    const scores = objects.map(({ score }) => score);
    expect(scores).toEqual(scores.slice().sort((a, b) => b - a));
    expect(objects.map(({ near }) => near.length)).toEqual(Array.from({ length: 7 }, () => 4));
    // The same is said of each alone.
    for (const { object, far } of objects)
      expect((await get(`/api/surveys/small/objects/${object}/neighbours?model=toy&k=2`)).json().far).toEqual(far);
    expect(objects.some(({ far }) => far.length > 0)).toBe(true);
    const ask = (body: object) => post("/api/surveys/small/similar", body);
    const found = (await ask({ like: [id(0), id(4)], unlike: [id(1)], k: 5 })).json().objects;
    expect(found).toHaveLength(5);
    expect(found.some(({ object }: { object: string }) => [id(0), id(4), id(1)].includes(object))).toBe(false);
    expect((await ask({})).json().code).toBe("NOTHING_TO_COMPARE");
    expect((await ask({ like: ["none"] })).json().code).toBe("OBJECT_UNKNOWN");
    expect((await ask({ at: "10.5 -89.9", radiusArcsec: 1 })).json().code).toBe("NOTHING_AT_POSITION");
    expect((await ask({ pictures: [Buffer.from("no picture").toString("base64")] })).json().code).toBe("IMAGE_BROKEN");
  });
});

describe("the ranking", () => {
  it("is filtered by column, region of sky, tag and label", async () => {
    const all = (await get(`/api/sessions/${session}/ranking?limit=1000`)).json() as Ranking;
    expect(all.total).toBe(COUNT);
    const total = async (query: string) =>
      ((await get(`/api/sessions/${session}/ranking?${query}`)).json() as Ranking).total;
    const [{ raDeg, decDeg }] = all.rows;
    expect(await total(`ra=${raDeg}&dec=${decDeg}&radius=0.0001`)).toBe(1);
    expect(await total(`ra=${raDeg}&dec=${decDeg}&radius=180`)).toBe(COUNT);
    const near = await total("column=redshift&greatest=0.1");
    expect(near + (await total("column=redshift&least=0.1"))).toBe(COUNT);
    expect(near).toBeGreaterThan(0);
    expect(await total("column=faceOnSpiral&equals=true")).toBeLessThan(COUNT);
    await post(`/api/sessions/${session}/labels`, { who: "ann", labels: [{ object: id(50), addTag: "odd" }] });
    expect(await total("tag=odd")).toBe(1);
  });
  it("comes in pages, and as a table of what a filter lets through", async () => {
    const page = async (query: string) => (await get(`/api/sessions/${session}/ranking?${query}`)).json() as Ranking;
    const all = await page("limit=1000");
    expect(all.rows.map(({ rank }) => rank)).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
    expect(await page("offset=30&limit=7")).toEqual({ total: COUNT, offset: 30, rows: all.rows.slice(30, 37) });
    const cut = all.rows[19].score;
    const above = await page(`minScore=${cut}&limit=1000`);
    expect(above.rows).toEqual(all.rows.filter(({ score }) => score >= cut));
    const between = await page(`minScore=${cut}&maxScore=${all.rows[4].score}&order=id`);
    expect(between.rows.map(({ object }) => object)).toEqual(
      all.rows
        .slice(4, 20)
        .map(({ object }) => object)
        .sort(),
    );
    const lines = (await get(`/api/sessions/${session}/export?format=csv&minScore=${cut}`)).body.trim().split("\n");
    expect(lines).toHaveLength(above.total + 1);
  });
  it("tells what either side of the alpha rule would show next", async () => {
    const preview = (await get(`/api/sessions/${session}/preview`)).json() as Preview;
    const state = (await get(`/api/sessions/${session}`)).json() as SessionState;
    expect(preview).toMatchObject({
      round: 4,
      positives: state.rounds[4].positives,
      negatives: state.rounds[4].negatives,
    });
    const all = ((await get(`/api/sessions/${session}/ranking?limit=1000`)).json() as Ranking).rows;
    const shown = new Set(preview.highest);
    expect(preview.highest.length).toBeGreaterThan(3);
    for (const object of [...preview.highest, ...preview.lower]) expect(state.labels[object]?.value ?? null).toBeNull();
    const open = all.filter(({ label }) => label === null);
    expect(shown.has(open[0].object)).toBe(true);
    const other = (await make("Unranked")).session;
    expect((await get(`/api/sessions/${other}/preview`)).json().code).toBe("NOT_RANKED");
  });
  it("stands beside another session's, and shows where the two differ", async () => {
    const other = (await make("Rings too")).session;
    await post(`/api/sessions/${other}/labels`, { who: "bob", labels: [{ object: id(0), value: "negative" }] });
    const differ = (await get(`/api/sessions/${session}/ranking?compare=${other}&agreement=differ`)).json() as Ranking;
    expect(differ.rows.map(({ object, label, otherLabel }) => [object, label, otherLabel])).toEqual([
      [id(0), "positive", "negative"],
    ]);
    expect(
      ((await get(`/api/sessions/${session}/ranking?compare=${other}&agreement=agree`)).json() as Ranking).total,
    ).toBe(5);
    const far = (
      await get(`/api/sessions/${session}/ranking?compare=${other}&order=difference&limit=5`)
    ).json() as Ranking;
    expect(far.rows[0].score).toBeGreaterThan(0.5);
    expect((await get(`/api/sessions/${session}/ranking?compare=none`)).json().code).toBe("SESSION_UNKNOWN");
  });
  it("comes as scores and labels in bytes, and as a report with its pictures inside", async () => {
    const bytes = (await get(`/api/sessions/${session}/scores`)).rawPayload;
    expect(bytes.length).toBe(COUNT * 5);
    expect([bytes[COUNT * 4], bytes[COUNT * 4 + 1]]).toEqual([1, 2]);
    const report = await get(`/api/sessions/${session}/report?top=12`);
    expect(report.headers["content-disposition"]).toContain(".html");
    expect(report.body.match(/data:image\/webp;base64,[A-Za-z0-9+/]{100}/g)?.length).toBeGreaterThanOrEqual(12);
    expect(report.body).not.toMatch(/(src|href)="https?:/);
    expect(report.body).toContain("Rings");
  });
});

describe("what people bring", () => {
  it("is looked up by id and position", async () => {
    const [row] = ((await get(`/api/sessions/${session}/ranking?limit=1`)).json() as Ranking).rows;
    const found = (
      await post("/api/surveys/small/lookup", { text: `${id(5)}\n${row.raDeg} ${row.decDeg}\n10 80\n` })
    ).json();
    expect(found.objects.map(({ object }: { object: string }) => object)).toEqual([id(5), row.object]);
    expect(found.missing).toEqual(["10 80"]);
  });
  it("is imported as labels after a look at the conflicts", async () => {
    const { labels } = (await get(`/api/sessions/${session}`)).json() as SessionState;
    const fresh = Array.from({ length: COUNT }, (_, n) => id(n)).find((object) => labels[object] === undefined);
    const text = `id,label\n${id(0)},negative\n${fresh},positive\nother,positive\n`;
    const looked = (await post(`/api/sessions/${session}/import`, { who: "carl", text })).json() as Imported;
    expect(looked).toMatchObject({
      saved: false,
      fresh: 1,
      unknown: ["other"],
      conflicts: [{ object: id(0), here: "positive", imported: "negative" }],
    });
    expect((await post(`/api/sessions/${session}/import`, { who: "carl", text, apply: true })).json().saved).toBe(true);
    const state = (await get(`/api/sessions/${session}`)).json() as SessionState;
    expect(state.conflicts.map(({ object }) => object)).toEqual([id(0)]);
    expect((await post(`/api/sessions/${session}/import`, { who: "carl", text: "a,b\n1,2" })).json().code).toBe(
      "IMPORT_UNREADABLE",
    );
  });
});

describe("maps", () => {
  it.each(["pca", "umap"])(
    "are computed once and then served: %s",
    async (method) => {
      const url = `/api/surveys/small/map?method=${method}`;
      expect((await get(url)).statusCode).toBe(202);
      await expect.poll(async () => (await get(url)).statusCode, { timeout: 30_000 }).toBe(200);
      const points = await get(url);
      expect(points.rawPayload.length).toBe(COUNT * 8);
      expect((await get(url, { "if-none-match": String(points.headers.etag) })).statusCode).toBe(304);
    },
    60_000,
  );
  it("are coloured by columns: numbers, or places in a list of values", async () => {
    const numbers = await get("/api/surveys/small/columns/redshift");
    expect([numbers.rawPayload.length, decodeURIComponent(String(numbers.headers["x-skyloop-values"]))]).toEqual([
      COUNT * 4,
      "null",
    ]);
    const words = JSON.parse(
      decodeURIComponent(String((await get("/api/surveys/small/columns/faceOnSpiral")).headers["x-skyloop-values"])),
    );
    expect(words.sort()).toEqual(["false", "true"]);
    expect((await get("/api/surveys/small/columns/none")).json().code).toBe("COLUMN_MISSING");
  });
  it("objects are fetched by their place", async () => {
    expect(
      (await get("/api/surveys/small/objects?rows=3,1,900"))
        .json()
        .objects.map(({ object }: { object: string }) => object),
    ).toEqual([id(3), id(1)]);
  });
});
