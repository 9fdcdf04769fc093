import { describe, expect, it } from "vitest";
import { allSaved, face, openSession, openWorld, shown, tile } from "./harness.ts";

const world = openWorld();
const values = async (session: string, ids: string[]) => {
  const { labels } = await world.state(session);
  return ids.map((id) => labels[id]?.value ?? null);
};

describe("by mouse", () => {
  it("a click goes from positive to negative to no label, and each is on the disk", async () => {
    const { session, picks } = await world.begin("Clicks");
    const page = await openSession(world, session);
    for (const value of ["positive", "negative", null]) {
      await face(page, picks[0]).click();
      await expect.poll(() => world.labelOf(session, picks[0])).toBe(value);
    }
    await allSaved(page);
  });

  it("a drag labels all that it passes, and one undo takes the stroke back", async () => {
    const { session } = await world.begin("Drag");
    const page = await openSession(world, session);
    const ids = await shown(page);
    const [from, to] = [await face(page, ids[0]).boundingBox(), await face(page, ids[3]).boundingBox()];
    if (from === null || to === null) throw new Error("no tiles");
    await page.mouse.move(from.x + 60, from.y + 60);
    await page.mouse.down();
    await page.mouse.move(to.x + 60, to.y + 60, { steps: 12 });
    await page.mouse.up();
    await expect
      .poll(() => values(session, ids.slice(0, 5)))
      .toEqual(["positive", "positive", "positive", "positive", null]);
    await allSaved(page);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => values(session, ids.slice(0, 5))).toEqual([null, null, null, null, null]);
    await page.getByRole("button", { name: "Redo" }).click();
    await expect
      .poll(() => values(session, ids.slice(0, 5)))
      .toEqual(["positive", "positive", "positive", "positive", null]);
  });

  it("shift and click labels everything between two clicks; the rest becomes negative at once", async () => {
    const { session } = await world.begin("Shift");
    const page = await openSession(world, session);
    const ids = await shown(page);
    await face(page, ids[1]).click();
    await face(page, ids[4]).click({ modifiers: ["Shift"] });
    await expect
      .poll(() => values(session, ids.slice(0, 6)))
      .toEqual([null, "positive", "positive", "positive", "positive", null]);
    await page.getByRole("button", { name: "Rest negative" }).click();
    await expect
      .poll(async () => (await values(session, ids)).filter((value) => value === "negative").length)
      .toBe(ids.length - 4);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect
      .poll(async () => (await values(session, ids)).filter((value) => value === null).length)
      .toBe(ids.length - 4);
  });

  it("pictures are as large as one likes, and stay so", async () => {
    const { session } = await world.begin("Sizes");
    const page = await openSession(world, session);
    await page.getByRole("slider", { name: "Size of the pictures" }).fill("256");
    await expect.poll(async () => (await page.locator(".tile img").first().boundingBox())?.width).toBe(256);
    await page.reload();
    await page.locator(".work .tile").first().waitFor();
    expect((await page.locator(".tile img").first().boundingBox())?.width).toBe(256);
  });
});

describe("by keyboard", () => {
  it("goes through a page: arrows, 1, 0, u, z, Enter and ?, with the next object in view", async () => {
    const { session } = await world.begin("Keyboard", { pageSize: 96 });
    const page = await openSession(world, session, { viewport: { width: 700, height: 500 } });
    const ids = await shown(page);
    for (const key of ["1", "0", "u", "ArrowRight", "1", "z"]) await page.keyboard.press(key);
    await allSaved(page);
    await expect.poll(() => values(session, ids.slice(0, 5))).toEqual(["positive", "negative", "unsure", null, null]);
    for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowDown");
    const focused = page.locator(".tile.focused");
    expect(ids.indexOf((await focused.getAttribute("data-object")) ?? "")).toBeGreaterThan(8);
    const box = await focused.boundingBox();
    expect(box?.y).toBeGreaterThan(0);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(500);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("x");
    await allSaved(page);
    await page.keyboard.press("Enter");
    await page.getByText(/^round 2/).waitFor();

    expect((await world.state(session)).round).toBe(2);
  });

  it("two quick Enters are one round", async () => {
    const { session, picks } = await world.begin("Enter");
    await world.answer(session, picks);
    const page = await openSession(world, session);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.getByText(/^round 2/).waitFor();
    await page.waitForTimeout(700);
    expect((await world.state(session)).round).toBe(2);
  });

  it("is heard in the moment between the browser's closing a dialog and the page's hearing of it", async () => {
    const { session } = await world.begin("Moment");
    const page = await openSession(world, session);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.evaluate(() => {
      document.querySelector("dialog")?.close();
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "o", bubbles: true }));
    });
    await page.getByRole("dialog").locator("canvas").waitFor();
  });

  it("a dialog that is closed and asked for again at once is there", async () => {
    const { session } = await world.begin("Again");
    const page = await openSession(world, session);
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("t");
      await page.getByRole("textbox", { name: "New tag" }).waitFor();
      await Promise.all([page.keyboard.press("Escape"), page.keyboard.press("t")]);
      await page.waitForTimeout(60);
      expect(await page.getByRole("textbox", { name: "New tag" }).count()).toBe(1);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  });

  it("keys can be chosen, and the browser remembers them", async () => {
    const { session } = await world.begin("Keys");
    const page = await openSession(world, session);
    const ids = await shown(page);
    await page.keyboard.press("?");
    await page.getByRole("button", { name: "Change the key for: positive, and on to the next" }).click();
    await page.keyboard.press("j");
    await page.getByRole("row", { name: /^j positive/ }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.reload();
    await page.locator(".work .tile").first().waitFor();
    await page.keyboard.press("1");
    await page.keyboard.press("j");
    await expect.poll(() => values(session, ids.slice(0, 2))).toEqual(["positive", null]);
  });

  it("undoes and does again to any depth", async () => {
    const { session } = await world.begin("Depth");
    const page = await openSession(world, session);
    const ids = await shown(page);
    for (let i = 0; i < ids.length; i++) await page.keyboard.press(i % 2 === 0 ? "1" : "0");
    await allSaved(page);
    const all = ids.map((_, i) => (i % 2 === 0 ? "positive" : "negative"));
    await expect.poll(() => values(session, ids)).toEqual(all);
    for (let i = 0; i < ids.length; i++) await page.keyboard.press(i % 2 === 0 ? "z" : "Control+z");
    await expect.poll(() => values(session, ids)).toEqual(ids.map(() => null));
    for (let i = 0; i < ids.length; i++) await page.keyboard.press("Shift+Z");
    await expect.poll(() => values(session, ids)).toEqual(all);
    // More than there is asks for nothing.
    await page.keyboard.press("Shift+Z");
    await page.waitForTimeout(200);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("free tags are given, shown and taken away", async () => {
    const { session } = await world.begin("Tags");
    const page = await openSession(world, session);
    const [first, second] = await shown(page);
    await page.keyboard.press("t");
    await page.getByRole("textbox", { name: "New tag" }).fill("dust lane");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "dust lane", exact: true, pressed: true }).waitFor();
    await page.keyboard.press("Escape");
    await tile(page, first).getByText("dust lane").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("t");
    await page.getByRole("button", { name: "dust lane", exact: true, pressed: false }).click();
    await expect.poll(async () => (await world.state(session)).labels[second]?.tags).toEqual(["dust lane"]);
    await page.getByRole("button", { name: "dust lane", exact: true, pressed: true }).click();
    await expect.poll(async () => (await world.state(session)).labels[second]).toBeUndefined();
  });
});

describe("saved", () => {
  it("each label shows it, without another click and before the next second", async () => {
    const { session } = await world.begin("Saved");
    const page = await openSession(world, session);
    const ids = await shown(page);
    // The page's own clock: from the click until the mark stands without `pending`.
    const times = await page.evaluate(
      async (objects) => {
        const out: number[] = [];
        for (const object of objects) {
          const target = document.querySelector<HTMLElement>(`.tile[data-object="${object}"]`) as HTMLElement;
          const start = performance.now();
          target.querySelector<HTMLElement>(".face")?.click();
          await new Promise<void>((resolve) => {
            const look = () =>
              target.classList.contains("positive") && !target.classList.contains("pending")
                ? resolve()
                : requestAnimationFrame(look);
            look();
          });
          out.push(performance.now() - start);
        }
        return out;
      },
      ids.slice(0, 8),
    );
    expect(times).toHaveLength(8);
    await expect.poll(() => values(session, ids.slice(0, 8))).toEqual(ids.slice(0, 8).map(() => "positive"));
    await allSaved(page);
  });
});

describe("a refined page", () => {
  it("moves nothing under the pointer, in focus or labelled", async () => {
    const { session } = await world.begin("Refined");
    const state = await world.state(session);
    const picks = state.page?.picks ?? [];
    const answer = (provisional: boolean, shownPicks: typeof picks) => ({
      round: 2,
      provisional,
      exhausted: false,
      picks: shownPicks,
    });
    // The same page, first as first picks, then refined: everything in the opposite order. A document asks past routes
    // that are younger than itself.
    const page = await world.open("/");
    let refined = false;
    await page.route("**/rounds", (route) => route.fulfill({ json: answer(true, picks) }));
    await page.route(`**/api/sessions/${session}?who=me`, (route) =>
      refined ? route.fulfill({ json: { ...state, page: answer(false, [...picks].reverse()) } }) : route.continue(),
    );
    await page.goto(`${world.address}/session/${session}`);
    await page.locator(".work .tile").first().waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Next round without answers" }).click();
    await page.getByText(/first picks/).waitFor();
    const before = await shown(page);
    await face(page, before[5]).click();
    await face(page, before[9]).hover();
    refined = true;
    // Another person's label makes the page ask for the session's state.
    await world.ask(`/sessions/${session}/labels`, {
      who: "bob",
      labels: [{ object: world.ids[140], value: "unsure" }],
    });
    await expect.poll(() => shown(page)).not.toEqual(before);
    const after = await shown(page);
    expect([after[5], after[9]]).toEqual([before[5], before[9]]);
    expect([...after].sort()).toEqual([...before].sort());
    expect(await page.getByText(/first picks/).count()).toBe(0);
  });
});
