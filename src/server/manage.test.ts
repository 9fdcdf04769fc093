/** Sessions as a whole, earlier pages, objects by a column, the cutout, and an export with more columns. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { servedSurveys } from "../../test/fixtures/server.ts";
import { simulatedId as id } from "../../test/fixtures/surveys.ts";
import type { Page, Session, SessionState } from "../contract/api.ts";
import { parseDelimited } from "../survey/delimited.ts";
import { readFitsImage } from "../survey/fits.ts";
import { openSurvey } from "../survey/folder.ts";

const COUNT = 60;
const { folder, ...server } = servedSurveys(COUNT, (row) => row % 3 === 0, ["small", "second"]);
const get = (url: string) => server.get(`/api${url}`);
const post = (url: string, payload: object) => server.post(`/api${url}`, payload);
const begin = async (target: string, survey = "small"): Promise<string> => {
  const made = await post("/sessions", {
    survey,
    model: "toy",
    target,
    pageSize: 8,
    randomPicks: 0,
    who: "ann",
    positive: [id(0), id(3)],
    negative: [id(1), id(2)],
  });
  return (made.json() as SessionState).session;
};
const wished = (target: string, more: object) =>
  post("/sessions", { survey: "small", model: "toy", target, who: "ann", positive: [id(0)], negative: [], ...more });
const listed = async (session: string) =>
  ((await get("/sessions")).json() as Session[]).find((one) => one.session === session);

it("a session is renamed, archived, deleted and brought back; undo of a label does not undo that", async () => {
  const session = await begin("Rings");
  await post(`/sessions/${session}/labels`, { who: "ann", labels: [{ object: id(9), value: "positive" }] });
  expect((await post(`/sessions/${session}/change`, { who: "ann", target: "Ring galaxies" })).json().target).toBe(
    "Ring galaxies",
  );
  await post(`/sessions/${session}/change`, { who: "ann", status: "deleted" });
  expect(await listed(session)).toMatchObject({ target: "Ring galaxies", status: "deleted", positives: 3 });
  await post(`/sessions/${session}/undo`, { who: "ann" });
  expect(await listed(session)).toMatchObject({ status: "deleted", positives: 2 });
  await post(`/sessions/${session}/change`, { who: "bob", status: "active" });
  expect((await get(`/sessions/${session}`)).json()).toMatchObject({ status: "active", target: "Ring galaxies" });
  expect((await post(`/sessions/${session}/change`, { who: "ann" })).statusCode).toBe(400);
  expect((await post("/sessions/none/change", { who: "ann", status: "archived" })).json().code).toBe("SESSION_UNKNOWN");
});

it("searches of one name in two surveys are two: each opens where it was begun", async () => {
  const [first, second] = [await begin("The same"), await begin("The same", "second")];
  expect([first, second]).toEqual(["the-same", "the-same-2"]);
  expect((await get(`/sessions/${first}`)).json().survey).toBe("small");
  expect((await get(`/sessions/${second}`)).json().survey).toBe("second");
  const copy = await post(`/sessions/${first}/copy`, { who: "bob", target: "The same 2" });
  expect(copy.json()).toMatchObject({ session: "the-same-2-2", survey: "small" });
});

it("a copy begins with the labels and tags that stand, and goes its own way", async () => {
  const session = await begin("Copied");
  await post(`/sessions/${session}/labels`, {
    who: "ann",
    labels: [
      { object: id(9), value: "unsure" },
      { object: id(9), addTag: "dusty" },
    ],
  });
  const copy = await post(`/sessions/${session}/copy`, { who: "bob" });
  expect(copy.json()).toMatchObject({
    target: "Copied (copy)",
    createdBy: "bob",
    round: 0,
    positives: 2,
    negatives: 2,
  });
  const { labels } = (await get(`/sessions/${copy.json().session}`)).json() as SessionState;
  expect(labels[id(9)]).toMatchObject({ value: "unsure", tags: ["dusty"], who: "ann", round: 0 });
  await post(`/sessions/${copy.json().session}/labels`, { who: "bob", labels: [{ object: id(9), value: "negative" }] });
  expect((await get(`/sessions/${session}`)).json().labels[id(9)].value).toBe("unsure");
});

it("earlier pages can be looked at, and what nobody answered is listed and comes again after three rounds", async () => {
  const session = await begin("Skipped");
  const pages: Page[] = [];
  for (let round = 1; round <= 5; round++)
    pages.push((await post(`/sessions/${session}/rounds`, { who: "ann" })).json());
  const objects = ({ picks }: Page) => picks.map(({ object }) => object);
  expect(objects((await get(`/sessions/${session}/rounds/1`)).json())).toEqual(objects(pages[0]));
  expect((await get(`/sessions/${session}/rounds/9`)).json().code).toBe("ROUND_UNKNOWN");
  const first = new Set(objects(pages[0]));
  expect(
    pages
      .slice(1, 4)
      .flatMap(objects)
      .some((object) => first.has(object)),
  ).toBe(false);
  expect(objects(pages[4]).filter((object) => first.has(object)).length).toBeGreaterThan(0);
  const skipped = objects((await get(`/sessions/${session}/skipped`)).json());
  const now = new Set(objects(pages[4]));
  expect(new Set(skipped)).toEqual(new Set(pages.flatMap(objects).filter((object) => !now.has(object))));
  await post(`/sessions/${session}/labels`, { who: "ann", labels: [{ object: skipped[0], value: "negative" }] });
  expect(objects((await get(`/sessions/${session}/skipped`)).json())).toEqual(skipped.slice(1));
});

it("objects are listed by a column of the catalogue", async () => {
  const highest = (await get("/surveys/small/objects?column=redshift&sort=highest&limit=5")).json().objects as {
    object: string;
  }[];
  const shifts = await Promise.all(
    highest.map(
      async ({ object }) => (await get(`/surveys/small/objects/${object}`)).json().columns.redshift as number,
    ),
  );
  expect(shifts).toHaveLength(5);
  expect(shifts).toEqual([...shifts].sort((a, b) => b - a));
  const least = shifts[2];
  const few = await get(`/surveys/small/objects?column=redshift&least=${least}`);
  expect(few.json().objects).toHaveLength(3);
  expect((await get("/surveys/small/objects?column=none")).json().code).toBe("COLUMN_MISSING");
});

it("a cutout is a file that other programs read: the same pixels, the centre at its position", async () => {
  const cutout = await get(`/surveys/small/objects/${id(4)}/cutout`);
  expect(cutout.headers["content-disposition"]).toBe(`attachment; filename="${id(4)}.fits"`);
  const path = join(folder, "cutout.fits");
  writeFileSync(path, cutout.rawPayload);
  const survey = await openSurvey(join(folder, "small"));
  const stamp = await survey.readStamp(4);
  const { raDeg, decDeg } = survey.row(4);
  survey.close();
  expect(cutout.rawPayload.length % 2880).toBe(0);
  const text = cutout.rawPayload.toString("latin1");
  const value = (key: string) => Number(new RegExp(`${key.padEnd(8)}= *(\\S+)`).exec(text)?.[1]);
  expect([value("CRVAL1"), value("CRVAL2"), value("CRPIX1"), value("NAXIS3")]).toEqual([
    raDeg,
    decDeg,
    (stamp.widthPx + 1) / 2,
    stamp.bands.length,
  ]);
  const image = readFitsImage(path);
  expect(image.data).toEqual(stamp.data);
});

it("an export holds rank, reason, time, file and columns of the catalogue on request", async () => {
  const session = await begin("Exported");
  await post(`/sessions/${session}/rounds`, { who: "ann" });
  await post(`/sessions/${session}/labels`, { who: "ann", labels: [{ object: id(20), value: "negative" }] });
  const wanted = ["rank", "reason", "time", "file", "redshift"].map((name) => `columns=${name}`).join("&");
  const csv = (await get(`/sessions/${session}/export?format=csv&label=negative&order=id&${wanted}`)).body;
  const { columns: head, rows: lines } = parseDelimited(csv);
  expect(head).toEqual([
    "id",
    "ra",
    "dec",
    "score",
    "label",
    "tags",
    "round",
    "who",
    "rank",
    "reason",
    "time",
    "file",
    "redshift",
  ]);
  const cell = (line: string[], name: string) => line[head.indexOf(name)];
  expect(lines.map((line) => [cell(line, "id"), cell(line, "reason")])).toMatchObject([
    [id(1), "start"],
    [id(2), "start"],
    [id(20), expect.stringMatching(/chosen|highest|lower/)],
  ]);
  expect(Number.isNaN(Date.parse(cell(lines[0], "time")))).toBe(false);
  const { columns, source } = (await get(`/surveys/small/objects/${id(1)}`)).json();
  expect(Number(cell(lines[0], "redshift"))).toBeCloseTo(columns.redshift, 6);
  expect(cell(lines[0], "file")).toBe(source);
  expect((await get(`/sessions/${session}/export?format=csv&columns=none`)).json().code).toBe("COLUMN_MISSING");
  const worst = (await get(`/sessions/${session}/ranking?order=lowest&limit=2`)).json().rows as { rank: number }[];
  expect(worst.map(({ rank }) => rank)).toEqual([COUNT, COUNT - 1]);
});

it("unlabelled objects stand for negatives to the end where a search says so, and in its copies and exports", async () => {
  const begun = (await wished("Finds", { unlabelled: "always" })).json() as SessionState;
  expect(begun).toMatchObject({ session: "finds", unlabelled: "always" });
  expect(await listed("finds")).toMatchObject({ unlabelled: "always" });
  expect((await post("/sessions/finds/copy", { who: "bob" })).json()).toMatchObject({ unlabelled: "always" });
  expect(await listed(await begin("Faded"))).not.toHaveProperty("unlabelled");
  expect((await wished("Sometimes", { unlabelled: "sometimes" })).statusCode).toBe(400);
  const both = await wished("Detections", { unlabelled: "always", prior: "detector" });
  expect([both.statusCode, both.json().code]).toEqual([400, "BAD_OPTION"]);
  await post("/sessions/finds/rounds", { who: "ann" });
  expect((await get("/sessions/finds/export?format=votable")).body).toMatch(/name="unlabelled"[^>]*value="always"/);
  expect((await get("/sessions/finds/report")).body).toContain(
    "seed 1, unlabelled objects always among the negatives.",
  );
});
