/** Nothing that a person did is lost by what the server, the browser or a slip of a key does. */
import { expect, it } from "vitest";
import { allSaved, face, openSession, openWorld, shown, tile } from "./harness.ts";

const world = openWorld();
const FAILED = /status of (507|404|409)|net::ERR_INTERNET_DISCONNECTED/;

it.each([
  [507, "DISK_FULL", "no space left for skyloop.db"],
  [409, "STORE_REPLACED", "the database was replaced while it was served"],
])("a label that is answered with %i %s stays, is said, and is sent again", async (status, code, message) => {
  const { session } = await world.begin(`Refused ${code}`);
  const page = await openSession(world, session, { expected: FAILED });
  await page.route("**/labels", (route) => route.fulfill({ status, json: { code, message } }));
  const [first] = await shown(page);
  await page.keyboard.press("1");
  await page.getByText("Not saved: 1 label is kept here and sent again").waitFor();
  await page.getByRole("alert").getByText(message).waitFor();
  await page.locator(`.tile.positive.pending[data-object="${first}"]`).waitFor();
  await page.unroute("**/labels");
  await allSaved(page);
  expect(await world.labelOf(session, first)).toBe("positive");
});

it("a label that can never be accepted is shown until the person decides, the others are saved", async () => {
  const { session } = await world.begin("Never");
  const page = await openSession(world, session, { expected: FAILED });
  const [first, second] = await shown(page);
  await page.route("**/labels", (route) =>
    route.request().postData()?.includes(first) === true
      ? route.fulfill({ status: 404, json: { code: "OBJECT_UNKNOWN", message: `no object ${first}` } })
      : route.continue(),
  );
  await page.keyboard.press("1");
  await page.keyboard.press("0");
  await page.getByText(`Not accepted: ${first} (positive). no object ${first}.`).waitFor();
  await expect.poll(() => world.labelOf(session, second)).toBe("negative");
  await page.unroute("**/labels");
  await page.getByRole("button", { name: "Try again" }).click();
  await allSaved(page);
  expect(await world.labelOf(session, first)).toBe("positive");
});

it("undo while the server is away takes back what only waits in the browser", async () => {
  const { session } = await world.begin("Away");
  const page = await openSession(world, session, { expected: FAILED });
  const ids = await shown(page);
  await page.context().setOffline(true);
  for (let i = 0; i < 3; i++) await page.keyboard.press("1");
  await page.keyboard.press("z");
  await expect.poll(() => page.locator(".tile.positive").count()).toBe(2);
  await page.context().setOffline(false);
  await allSaved(page);
  const { labels } = await world.state(session);
  expect(ids.slice(0, 3).map((id) => labels[id]?.value ?? null)).toEqual(["positive", "positive", null]);
});

it("a page without an answer asks before it goes, can be had back, and its objects are listed", async () => {
  const { session, picks } = await world.begin("Slip");
  const page = await openSession(world, session);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Nothing on this page is answered" }).waitFor();
  await page.getByRole("button", { name: "Stay here" }).click();
  expect((await world.state(session)).round).toBe(1);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Next round without answers" }).click();
  await page.getByText(/^round 2/).waitFor();
  await page.getByRole("button", { name: "Previous page" }).click();
  await page.getByText(/^round 1/).waitFor();
  await expect.poll(() => shown(page)).toEqual(picks);
  await page.keyboard.press("1");
  await expect.poll(() => world.labelOf(session, picks[0])).toBe("positive");
  await page.getByRole("button", { name: "Skipped" }).click();
  await page.getByText(/^skipped in earlier rounds/).waitFor();
  await expect.poll(() => shown(page)).toEqual(picks.slice(1));
  await page.getByRole("button", { name: "Back to round 2" }).click();
  await page.getByText(/^round 2/).waitFor();
});

it("a held key labels one object; French digits and Caps Lock do what they say", async () => {
  const { session } = await world.begin("Held");
  const page = await openSession(world, session);
  const press = (init: { key: string; code: string; repeat?: boolean; modifierCapsLock?: boolean }) =>
    page.evaluate(
      (init) => document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...init })),
      init,
    );
  await press({ key: "1", code: "Digit1" });
  for (let i = 0; i < 5; i++) await press({ key: "1", code: "Digit1", repeat: true });
  await press({ key: "&", code: "Digit1" });
  await press({ key: "à", code: "Digit0" });
  await allSaved(page);
  expect([await page.locator(".tile.positive").count(), await page.locator(".tile.negative").count()]).toEqual([2, 1]);
  await press({ key: "Z", code: "KeyZ", modifierCapsLock: true });
  await expect.poll(() => page.locator(".tile.negative").count()).toBe(0);
});

it("target and examples of a new search outlive the map, Back and a reload", async () => {
  const page = await world.open("/start/small");
  await page.locator(".tile").first().waitFor();
  await page.getByLabel("What are you looking for?").fill("Mergers");
  const [first, second] = await shown(page);
  await face(page, first).click();
  await face(page, second).dblclick();
  const kept = async () => {
    await tile(page, first).waitFor();
    expect(await page.getByLabel("What are you looking for?").inputValue()).toBe("Mergers");
    await page.getByText("1 positive, 1 negative").waitFor();
  };
  await page.getByRole("button", { name: "Map" }).click();
  await page.getByRole("heading", { name: /: map$/ }).waitFor();
  await page.goBack();
  await kept();
  await page.reload();
  await kept();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("0 positive, 0 negative").waitFor();
});

it("six windows on six searches share one stream: labels are saved, another window opens", async () => {
  const sessions = [];
  for (let i = 0; i < 6; i++) sessions.push((await world.begin(`Window ${i}`)).session);
  const first = await openSession(world, sessions[0]);
  const others = [];
  for (const session of sessions.slice(1)) {
    const other = await world.tab(first, `/session/${session}`);
    await other.locator(".work .tile").first().waitFor();
    others.push(other);
  }
  await others[4].keyboard.press("1");
  await allSaved(others[4]);
  // What somebody else does still arrives in each of them.
  const object = (await shown(others[2]))[3];
  await world.ask(`/sessions/${sessions[3]}/labels`, { who: "bob", labels: [{ object, value: "negative" }] });
  await others[2].locator(`.tile.negative[data-object="${object}"]`).waitFor({ timeout: 8000 });
  const seventh = await world.tab(first, "/");
  await seventh.getByRole("button", { name: "New search" }).waitFor();
});

it("a page's own labels, undo and rounds ask for the session's state no more", async () => {
  const { session } = await world.begin("Quiet");
  const page = await openSession(world, session);
  await page.waitForTimeout(1500);
  let asked = 0;
  page.on("request", (request) => {
    if (/\/api\/sessions\/[^/]+\?who=/.test(request.url())) asked++;
  });
  for (const key of ["1", "0", "1", "z"]) await page.keyboard.press(key);
  await page.keyboard.press("x");
  await allSaved(page);
  await page.getByRole("row", { name: /^1 (highest|lower|mixed) 1 15/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByText(/^round 2/).waitFor();
  await page.getByRole("row", { name: /^2 (highest|lower) 0 0/ }).waitFor();
  await page.waitForTimeout(2000);
  expect(asked).toBe(0);
});

it("searches are renamed, copied, archived and deleted, and come back", async () => {
  const { session } = await world.begin("Managed");
  const page = await world.open("/");
  const more = (name: string) => page.getByLabel(`More for ${name}`, { exact: true });
  const link = (name: string) => page.getByRole("link", { name, exact: true });
  await more("Managed").click();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "New name" }).fill("Managed well");
  await page.keyboard.press("Enter");
  await link("Managed well").waitFor();
  await more("Managed well").click();
  await page.getByRole("button", { name: "Copy" }).click();
  await link("Managed well (copy)").waitFor();
  await more("Managed well (copy)").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await link("Managed well (copy)").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Show 1 deleted" }).click();
  await more("Managed well (copy)").click();
  await page.getByRole("button", { name: "Restore" }).click();
  await page.getByRole("button", { name: /active$/ }).click();
  await link("Managed well (copy)").waitFor();
  expect(await world.state(session)).toMatchObject({ target: "Managed well", status: "active", positives: 5 });
});

it("links to what is not there end with a message", async () => {
  for (const path of ["/start/nosuch", "/map/nosuch", "/session/nosuch", "/session/nosuch/results", "/elsewhere"]) {
    const page = await world.open(path, { expected: FAILED });
    await page
      .getByRole("alert")
      .getByText(/no survey nosuch|no session nosuch|There is no such page/)
      .waitFor();
    await page.getByRole("link", { name: "All surveys and searches" }).click();
    await page.getByRole("button", { name: "New search" }).waitFor();
  }
});
