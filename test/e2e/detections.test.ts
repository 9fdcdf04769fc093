/** Looking through a folder of detections: the list, outlines, the image, verdicts there, and a missed object. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SessionState } from "../../src/contract/api.ts";
import { readDetections } from "../../src/survey/detections.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { detectionFolder } from "../fixtures/detections.ts";
import { freePort } from "../fixtures/free-port.ts";
import { temporaryFolder, writeToyFeatures } from "../fixtures/surveys.ts";
import { allSaved, openWorld, type Running, shown, startServer } from "./harness.ts";

const world = openWorld();
const folder = temporaryFolder();
let [small, path] = [undefined as unknown as Running, ""];
beforeAll(async () => {
  path = await detectionFolder(folder.path, ["field"]);
  const survey = await openSurvey(path);
  writeToyFeatures(path, survey.header.dataHash, new Array(survey.count).fill(false));
  survey.close();
  small = world.server;
  world.server = await startServer([path], await freePort());
}, 60_000);
afterAll(async () => {
  await small?.kill();
  folder.remove();
});

const stateOf = async (session: string) =>
  (await (await fetch(`${world.server.address}/api/sessions/${session}?who=me`)).json()) as SessionState;

it("begins with the detector's order, outlines candidates, and takes verdicts and boxes on the image", async () => {
  const order = readDetections(path).map(({ id }) => id);
  const page = await world.open("/");
  await page.getByRole("button", { name: "Check the candidates" }).click();
  await page.locator(".tile[data-object]").first().waitFor();
  expect(await shown(page)).toEqual(order);
  await expect.poll(() => page.locator(".tile .outline path").count()).toBe(order.length);
  await page.keyboard.press("m");
  await expect.poll(() => page.locator(".tile .outline").count()).toBe(0);
  await page.keyboard.press("m");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("f");
  const canvas = page.getByRole("img", { name: `Image field with ${order.length} objects` });
  await canvas.waitFor();
  await page.getByRole("heading", { name: order[1] }).waitFor();
  await page.keyboard.press("0");
  await page.getByRole("heading", { name: order[2] }).waitFor();
  await allSaved(page);
  const session = new URL(page.url()).searchParams.get("session") ?? "";
  expect((await stateOf(session)).labels[order[1]].value).toBe("negative");
  // The position below the pointer: the image's middle lies within a pixel (0.00007 deg) of RA 150, Dec 2.
  const box = await canvas.boundingBox();
  if (box === null) throw new Error("the image is not on the page");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.getByText(/\((149\.9999\d|150\.0000\d)°, (1\.9999\d|2\.0000\d)°\)/).waitFor();
  await page.keyboard.press("b");
  await page.mouse.down();
  await page.mouse.move(x + 60, y + 40, { steps: 4 });
  await page.mouse.up();
  await page.getByText(/drawn by hand/).waitFor();
  await allSaved(page);
  const { boxes, labels } = await stateOf(session);
  const [[object, { field, box: drawn }]] = Object.entries(boxes);
  expect([field, labels[object].value]).toEqual(["field", "positive"]);
  const scale = Math.min(box.width / 320, box.height / 240);
  expect(drawn[2] - drawn[0]).toBeCloseTo(60 / scale, -0.5);
  // Down on the screen is down in the file: the box hangs from the image's middle.
  expect(Math.abs(drawn[3] - 120)).toBeLessThan(2);
  await page.keyboard.press("z");
  await expect.poll(async () => Object.keys((await stateOf(session)).boxes)).toEqual([]);
  await expect.poll(() => page.getByText(/drawn by hand/).count()).toBe(0);
});

it("shows what the verdicts say of the scores, from the first of them on, and a curve once there are enough of both kinds", async () => {
  const order = readDetections(path).map(({ id }) => id);
  const page = await world.open("/");
  await page.getByRole("button", { name: "Check the candidates" }).click();
  await page.locator(".tile[data-object]").first().waitFor();
  const panel = page.getByRole("region", { name: "Purity by the detector's score" });
  // One was rejected on the image, in the session that is gone on with.
  await panel.getByText("A curve of probability takes 10 verdicts, 2 of each kind at least").waitFor();
  expect(await panel.locator(".line-purity").count()).toBe(0);
  const session = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  for (const [i] of order.entries()) await page.keyboard.press(i < 7 ? "1" : "0");
  await allSaved(page);
  await panel
    .getByText(`${order.length} of ${order.length} candidates looked at: 7 positive, ${order.length - 7} negative.`)
    .waitFor();
  expect(Object.keys((await stateOf(session)).labels).length).toBeGreaterThanOrEqual(order.length);
  await expect.poll(() => panel.locator(".line-purity").count()).toBe(1);
  const looked = await panel.locator(".whisker ~ text").allTextContents();
  expect(looked.reduce((sum, text) => sum + Number(text), 0)).toBe(order.length);
  expect(await panel.locator("svg").getAttribute("aria-label")).toContain("Share of real candidates");
});
