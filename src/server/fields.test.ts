import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { detectionFolder } from "../../test/fixtures/detections.ts";
import { temporaryFolder, writeToyFeatures } from "../../test/fixtures/surveys.ts";
import type { Page, Saved, SessionState, SurveyInfo } from "../contract/api.ts";
import type { Candidate, FieldInfo, FieldView } from "../contract/fields.ts";
import type { ScorePurity } from "../contract/insight.ts";
import { purityOf } from "../loop/purity.ts";
import { readDetections, readFieldImages, wcsOf } from "../survey/detections.ts";
import { openSurvey } from "../survey/folder.ts";
import { buildServer } from "./app.ts";

const folder = temporaryFolder();
let [app, path, session] = [undefined as unknown as FastifyInstance, "", ""];

beforeAll(async () => {
  path = await detectionFolder(folder.path, ["east", "west"]);
  const survey = await openSurvey(path);
  const { dataHash } = survey.header;
  // What is in the east is what the features of a person's search tell apart.
  writeToyFeatures(
    path,
    dataHash,
    Array.from({ length: survey.count }, (_, row) => survey.row(row).id.startsWith("east")),
  );
  survey.close();
  app = await buildServer({ surveys: [path] });
  session = ((await post("/api/sessions", newSession("sources"))).json() as SessionState).session;
}, 60_000);
afterAll(async () => {
  await app.close();
  folder.remove();
});

const newSession = (target: string) => ({
  survey: "found",
  model: "toy",
  target,
  pageSize: 8,
  randomPicks: 0,
  who: "ann",
  prior: "detector",
  positive: [],
  negative: [],
});
const get = (url: string) => app.inject({ method: "GET", url, headers: { host: "127.0.0.1" } });
const post = (url: string, payload: object) =>
  app.inject({ method: "POST", url, payload, headers: { host: "127.0.0.1" } });
const label = async (labels: object[], name = session) => {
  const answer = await post(`/api/sessions/${name}/labels`, { who: "ann", labels });
  return { status: answer.statusCode, saved: answer.json() as Saved & { code?: string } };
};
const nextPage = async (name = session) => (await post(`/api/sessions/${name}/rounds`, { who: "ann" })).json() as Page;

describe("the images of a survey of detections", () => {
  it("are listed, with their sky, and their candidates with outlines that hold the middle of each", async () => {
    expect(((await get("/api/surveys/found")).json() as SurveyInfo).fields).toBe(2);
    const fields = (await get("/api/surveys/found/fields")).json() as FieldInfo[];
    const all = readDetections(path);
    const count = (name: string) => all.filter(({ image }) => image === name).length;
    expect(count("east")).toBeGreaterThanOrEqual(12);
    expect(fields.map(({ name, candidates }) => [name, candidates])).toEqual([
      ["east", count("east")],
      ["west", count("west")],
    ]);
    const view = (await get("/api/surveys/found/fields/west")).json() as FieldView;
    expect(view).toMatchObject({
      widthPx: 320,
      heightPx: 240,
      levels: 1,
      turn: { swap: false, flipX: false, flipY: true },
    });
    expect(view.sky?.vectors).toHaveLength(3 * 33 * 33);
    const scores = view.candidates.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    for (const { box, outline, stamp } of view.candidates) {
      const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
      expect(crossings(outline, middle[0], middle[1]) % 2).toBe(1);
      expect(middle[0] - stamp.x).toBeCloseTo(16, -1);
      expect(stamp.sizePx).toBe(32);
    }
  });

  it("have pictures in parts, and say what there is not", async () => {
    const tile = await get("/api/surveys/found/fields/east/tiles/0-0-0");
    expect([tile.statusCode, tile.headers["content-type"]]).toEqual([200, "image/webp"]);
    const again = await app.inject({
      url: "/api/surveys/found/fields/east/tiles/0-0-0",
      headers: { host: "127.0.0.1", "if-none-match": String(tile.headers.etag) },
    });
    expect(again.statusCode).toBe(304);
    const failed = async (url: string) => {
      const answer = await get(url);
      return [answer.statusCode, (answer.json() as { code: string }).code];
    };
    expect(await failed("/api/surveys/found/fields/east/tiles/0-7-0")).toEqual([404, "TILE_UNKNOWN"]);
    expect(await failed("/api/surveys/found/fields/east/tiles/..%2F..%2Fsurvey")).toEqual([400, "BAD_REQUEST"]);
    expect(await failed("/api/surveys/found/fields/north")).toEqual([404, "FIELD_UNKNOWN"]);
  });

  it("tell of single objects where they lie, and leave out what is none", async () => {
    const asked = { objects: ["west-0002", "gone"] };
    const found = (await post("/api/surveys/found/candidates", asked)).json() as Candidate[];
    expect(found.map(({ object, field }) => [object, field])).toEqual([["west-0002", "west"]]);
  });
});

/** How often a line to the right of a place crosses an outline. */
const crossings = (lines: number[][], x: number, y: number): number =>
  lines.reduce((sum, line) => {
    for (let i = 0; i < line.length; i += 2) {
      const [x1, y1, y2] = [line[i], line[i + 1], line[(i + 3) % line.length]];
      if (line[i] === line[(i + 2) % line.length] && x1 > x && y1 > y !== y2 > y) sum++;
    }
    return sum;
  }, 0);

describe("looking through detections", () => {
  it("begins with the detector's order and keeps it while verdicts are one-sided; both kinds move the list", async () => {
    const order = readDetections(path).map(({ id }) => id);
    const first = await nextPage();
    expect(first.picks.map(({ object }) => object)).toEqual(order.slice(0, 8));
    const verdicts = (page: Page, of: (object: string) => string) =>
      label(page.picks.map(({ object }) => ({ object, value: of(object) })));
    await verdicts(first, () => "positive");
    const second = await nextPage();
    expect(second.picks.map(({ object }) => object)).toEqual(order.slice(8, 16));
    await verdicts(first, (object) => (object.startsWith("east") ? "positive" : "negative"));
    await verdicts(second, (object) => (object.startsWith("east") ? "positive" : "negative"));
    const third = await nextPage();
    const left = order.slice(16);
    const east = left.filter((object) => object.startsWith("east")).length;
    expect(east).toBeGreaterThan(1);
    expect(third.picks.slice(0, Math.min(8, east)).every(({ object }) => object.startsWith("east"))).toBe(true);
    const { candidates, looked, positives, bins, cuts } = await purityOf(path, session, [0.5]);
    expect([looked, candidates.map(({ id }) => id)]).toEqual([16, order]);
    for (const { id, real } of candidates) if (real !== null) expect(real).toBe(id.startsWith("east"));
    expect(cuts?.[0].candidates).toBeGreaterThan(0);
    // The page is told the same.
    const shown = (await get(`/api/sessions/${session}/purity`)).json() as ScorePurity;
    expect([shown.candidates, shown.looked, shown.positives]).toEqual([candidates.length, looked, positives]);
    expect(shown.bins.map(({ tries, hits }) => [tries, hits])).toEqual(bins.map(({ tries, hits }) => [tries, hits]));
    expect(shown.lacks).toBeNull();
    const [{ score, probability }] = candidates;
    const around = (shown.curve ?? []).filter((point) => Math.abs(point.score - score) <= 0.02);
    expect(Math.min(...around.map((point) => Math.abs(point.probability - (probability as number))))).toBeLessThan(
      0.05,
    );
  });

  it("takes what was missed as a box: an event that undo takes back, a row of exports", async () => {
    const box = { field: "west", box: [10, 20, 30, 44] };
    const object = "west-drawn-1";
    const one = await label([{ object, box, value: "positive", clientKey: "a/0" }]);
    expect(one.saved.boxes).toEqual({ [object]: box });
    expect(one.saved.labels[object].value).toBe("positive");
    const events = (await get(`/api/sessions/${session}/events`)).json() as { kind: string; value: string }[];
    expect(events.slice(-2).map(({ kind }) => kind)).toEqual(["box", "label"]);
    const table = async () => (await get(`/api/sessions/${session}/export?format=csv&columns=image&columns=x1`)).body;
    const row = (await table()).split("\n").find((line) => line.includes(object)) ?? "";
    const [field] = (readFieldImages(path) ?? []).filter(({ name }) => name === "west");
    const sky = wcsOf(field)?.pixelToSky(19.5, 31.5);
    const cells = row.split(",");
    expect(Number(cells[1])).toBeCloseTo(sky?.raDeg as number, 9);
    expect(cells.slice(3)).toEqual(
      ["", "positive", "", "3", "ann", "west", "10.0"].map((cell) =>
        expect.stringMatching(new RegExp(`^"?${cell}"?$`)),
      ),
    );
    // Filters of labels hold for it, filters of scores leave it out.
    const filtered = async (query: string) =>
      (await get(`/api/sessions/${session}/export?format=csv&${query}`)).body.includes(object);
    expect([await filtered("label=positive"), await filtered("label=negative"), await filtered("minScore=0")]).toEqual([
      true,
      false,
      false,
    ]);
    const undone = (await post(`/api/sessions/${session}/undo`, { who: "ann" })).json() as Saved;
    expect([undone.boxes, undone.labels[object].value]).toEqual([{}, null]);
    expect(await table()).not.toContain(object);
    const redone = (await post(`/api/sessions/${session}/redo`, { who: "ann" })).json() as Saved;
    expect(redone.boxes).toEqual({ [object]: box });
    expect(((await get(`/api/sessions/${session}?who=ann`)).json() as SessionState).boxes).toEqual({ [object]: box });
    expect((await nextPage()).exhausted).toBe(true);
    const copy = (await post(`/api/sessions/${session}/copy`, { who: "ann" })).json() as SessionState;
    expect(((await get(`/api/sessions/${copy.session}?who=ann`)).json() as SessionState).boxes).toEqual({
      [object]: box,
    });
  });

  it.each([
    [{ object: "n-1", box: { field: "north", box: [1, 1, 5, 5] } }, 404, "FIELD_UNKNOWN"],
    [{ object: "n-1", box: { field: "east", box: [1, 1, 500, 5] } }, 400, "DRAWN_OUTSIDE"],
    [{ object: "n-1", box: { field: "east", box: [5, 1, 5, 5] } }, 400, "BAD_REQUEST"],
    [{ object: "east-0001", box: { field: "east", box: [1, 1, 5, 5] } }, 400, "SAME_ID"],
    [{ object: "n-1", value: "positive" }, 404, "OBJECT_UNKNOWN"],
  ])("refuses %j", async (wrong, status, code) => {
    const answer = await label([wrong]);
    expect([answer.status, answer.saved.code]).toEqual([status, code]);
  });
});
