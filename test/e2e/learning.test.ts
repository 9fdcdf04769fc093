import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { writeFeatures } from "../../src/store/features.ts";
import { allSaved, openSession, openWorld, shown } from "./harness.ts";

const world = openWorld();

it("each round says what it found, its precision with an interval, and what chance would have found", async () => {
  const { session, picks } = await world.begin("Rounds", { randomPicks: 8, pageSize: 24 });
  const page = await openSession(world, session);
  for (const id of picks) await page.keyboard.press(world.spirals.has(id) ? "1" : "0");
  await allSaved(page);
  const found = picks.filter((id) => world.spirals.has(id)).length;
  await page
    .getByRole("row", { name: new RegExp(`^1 (highest|lower|mixed) ${found} ${24 - found} \\d+\\s%`) })
    .waitFor();
  const { page: shownPage } = await world.state(session);
  const random = shownPage?.picks.filter(({ reason }) => reason === "random").map(({ object }) => object) ?? [];
  const hits = random.filter((id) => world.spirals.has(id)).length;
  await page.getByText(`${hits} of 8 were positive`).waitFor();

  await page.keyboard.press("Enter");
  await page.getByText(/^round 2/).waitFor();
  const second = (await world.state(session)).page?.picks.map(({ object }) => object) ?? [];
  for (const id of second) await page.keyboard.press(world.spirals.has(id) ? "1" : "0");
  await allSaved(page);
  await page.keyboard.press("Enter");
  await page.getByText(/^round 3/).waitFor();
  await page.getByRole("img", { name: /^Histogram of the scores of 150 objects; \d+ labelled positive/ }).waitFor();
  await page.getByRole("img", { name: /^Positives found against answers/ }).waitFor();
  const estimates = page.locator(".estimates");
  await estimates.getByText(/\d+–\d+, from 16 random picks/).waitFor({ timeout: 60_000 });
  await page.getByText(/^(Go on|You may stop)\.$/).waitFor();
});

it("the advice follows the answers, before a round has learned from them, with one question at a time", async () => {
  const { session } = await world.begin("Advice", { positive: [...world.spirals].slice(0, 1) });
  const page = await openSession(world, session);
  await page.getByText("Only 1 positive so far; a handful more teaches much.").waitFor();
  let [open, most] = [0, 0];
  await page.route(/\/api\/sessions\/[^/]+\/learning$/, async (route) => {
    most = Math.max(most, ++open);
    const answer = await route.fetch();
    await new Promise((resolve) => setTimeout(resolve, 700));
    open--;
    await route.fulfill({ response: answer });
  });
  const ids = await shown(page);
  for (const _ of ids.slice(0, 4)) {
    await page.keyboard.press("1");
    await page.waitForTimeout(500);
  }
  await page.getByText("It has not yet learned from 4 of them; the next round does.").waitFor();
  for (const _ of ids.slice(4, 10)) await page.keyboard.press("1");
  await page.getByText("It has not yet learned from 10 of them; the next round does.").waitFor();
  expect(most).toBe(1);
});

it("with few random picks an interval is given and no number that would be believed", async () => {
  const { session, picks } = await world.begin("Few", { randomPicks: 4 });
  await world.answer(session, picks);
  await world.nextRound(session, 1);
  const page = await openSession(world, session);
  await page.getByText("from only 4 random picks; more of them narrow it").waitFor({ timeout: 60_000 });
});

it("says when to stop, and why", async () => {
  const { session, picks } = await world.begin("Stop", { pageSize: 96 });
  await world.answer(session, picks);
  await world.answer(session, await world.nextRound(session, 1));
  const page = await world.open(`/session/${session}`, { expected: /409|400/ });
  await page.getByText("You may stop.").waitFor({ timeout: 60_000 });
  await page.getByText(/Every object has been shown|You have found|found nothing|has settled/).waitFor();
  await page.getByRole("button", { name: /Next round/ }).click();
  await page.getByText(/there is nothing left to show/).waitFor();
});

it("alpha can be changed at any time; a preview shows what the next round then looks at", async () => {
  const { session, picks } = await world.begin("Alpha");
  const page = await openSession(world, session);
  const half = picks.slice(0, 8);
  await world.ask(`/sessions/${session}/labels`, {
    who: "me",
    labels: half.map((object, i) => ({ object, value: i < 3 ? "positive" : "negative" })),
  });
  await page.getByText("With 3 positive and 5 negative in this round so far, the next shows").waitFor();
  const preview = page.locator(".preview");
  const addresses = () => preview.locator("img").evaluateAll((all) => all.map((img) => img.getAttribute("src")));
  // Each gets its address when its turn to load has come.
  const pictures = async () => {
    await expect.poll(addresses).not.toContain(null);
    return addresses();
  };
  const slider = page.getByRole("slider", { name: /^Alpha/ });
  await slider.fill("0.9");
  await preview.getByText("the highest scores").waitFor();
  const highest = await pictures();
  expect(highest.length).toBeGreaterThan(2);
  await slider.fill("0.2");
  await preview.getByText("lower scores").waitFor();
  expect(await pictures()).not.toEqual(highest);
  await expect.poll(async () => (await world.state(session)).alpha).toBe(0.2);
  await page.locator("body").click({ position: { x: 5, y: 300 } });
  await page.keyboard.press("Enter");
  await page.getByText(/^round 2/).waitFor();
  await page.getByRole("row", { name: /^2 lower/ }).waitFor();
  expect((await shown(page)).length).toBe(16);
});

it("no page shows the same galaxy twice, even where the survey has it twice", async () => {
  const dim = 16;
  const count = world.ids.length;
  const random = new Random(11);
  const rows = new Float32Array(count * dim);
  for (let row = 0; row < count; row += 2) {
    const spiral = world.spirals.has(world.ids[row]);
    const one = Float32Array.from({ length: dim }, (_, d) => random.normal(spiral && d < 3 ? 2.2 : 0));
    rows.set(one, row * dim);
    if (row + 1 < count) rows.set(one, (row + 1) * dim);
  }
  const { dataHash } = JSON.parse(readFileSync(join(world.survey, "survey.json"), "utf8"));
  const writer = writeFeatures(world.survey, {
    model: "twins",
    weightsHash: "twins",
    dataHash,
    dim,
    count,
    blockRows: count,
  });
  writer.write(0, rows);
  writer.close();
  const { session } = await world.begin("Twins", { model: "twins", randomPicks: 0, pageSize: 12 });
  const page = await openSession(world, session);
  const pairOf = (id: string) => Math.floor(world.ids.indexOf(id) / 2);
  for (let round = 1; round <= 3; round++) {
    const pairs = (await shown(page)).map(pairOf);
    expect(pairs).toHaveLength(12);
    expect(new Set(pairs).size).toBe(12);
    for (const id of await shown(page)) await page.keyboard.press(world.spirals.has(id) ? "1" : "0");
    await allSaved(page);
    await page.keyboard.press("Enter");
    await page.getByText(new RegExp(`^round ${round + 1}`)).waitFor();
  }
});
