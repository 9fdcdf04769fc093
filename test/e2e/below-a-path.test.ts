/** The page below a path of a proxy (JupyterHub), and in a frame of a notebook. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, expect, it } from "vitest";
import { freePort } from "../fixtures/free-port.ts";
import { face, openWorld, type Running, startServer } from "./harness.ts";

const world = openWorld();
const closing: (() => unknown)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

const PATH = "/user/ann/proxy/8420";
const listening = (server: Server) =>
  new Promise<number>((resolve) => {
    closing.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

/** Passes on what lies below the path, with the path or without it. */
function proxyTo(port: number, strips: boolean): Promise<number> {
  return listening(
    createServer((req, res) => {
      if (req.url?.startsWith(PATH) !== true) return void res.writeHead(404).end("no such service");
      const path = strips ? req.url.slice(PATH.length) || "/" : req.url;
      req.pipe(
        request({ host: "127.0.0.1", port, path, method: req.method, headers: req.headers }, (up) => {
          res.writeHead(up.statusCode ?? 500, up.headers);
          up.pipe(res);
        }),
      );
    }),
  );
}

/** A session and its page, watched: errors of the console, and requests beside the path. */
async function watched(address: string): Promise<{ page: Page; faults: string[] }> {
  const context = await world.browser.newContext();
  closing.push(() => context.close());
  const faults: string[] = [];
  context.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  context.on("weberror", (error) => faults.push(error.error().message));
  context.on(
    "request",
    (one) => !one.url().startsWith(address) && !/^(data|blob):/.test(one.url()) && faults.push(one.url()),
  );
  return { page: await context.newPage(), faults };
}

it.each([
  ["a proxy that removes its path", true, []],
  ["a proxy that passes its path on", false, ["--base-path", PATH]],
] as const)("works below a path, behind %s", async (_, strips, options) => {
  let server: Running = world.server;
  if (options.length > 0) {
    server = await startServer([world.survey], await freePort(), [...options]);
    closing.push(() => server.kill());
  }
  expect(server.said).toContain(options.length > 0 ? `${server.address}${PATH}/ ` : `${server.address} `);
  const { session, picks } = await world.begin(`Below a path ${strips}`);
  const address = `http://127.0.0.1:${await proxyTo(Number(new URL(server.address).port), strips)}${PATH}/`;
  const { page, faults } = await watched(address);
  await page.goto(address);
  await page.getByRole("link", { name: `Below a path ${strips}`, exact: true }).click();
  await page.locator(".work .tile").first().waitFor();
  expect(page.url()).toBe(`${address}session/${session}`);
  await face(page, picks[0]).click();
  await page.locator(".save.ok").waitFor();
  expect(await world.labelOf(session, picks[0])).toBe("positive");
  // What somebody else does comes over the live stream.
  await world.answer(session, picks.slice(1, 3));
  await expect.poll(() => page.locator(".work .tile .mark").count()).toBe(3);
  await page.reload();
  await page.locator(".work .tile").first().waitFor();
  await page.getByRole("button", { name: "Ranking and export" }).click();
  await expect.poll(() => page.url()).toBe(`${address}session/${session}/results`);
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  expect((await download).suggestedFilename()).toBe(`${session}.csv`);
  const docs = `${address}api/docs`;
  const json = /href="(.*?)"/.exec(await (await fetch(docs)).text())?.[1] ?? "";
  expect((await fetch(new URL(json, docs))).headers.get("Content-Type")).toContain("json");
  expect(faults).toEqual([]);
});

it("works in a frame of a notebook on another site, with a token that stands in no request's address", async () => {
  const { session, picks } = await world.begin("In a notebook");
  const book = (url: () => string) =>
    listening(
      createServer(
        (_, res) =>
          void res.setHeader("Content-Type", "text/html").end(`<iframe src="${url()}" width="1200" height="800">`),
      ),
    );
  let framed = "";
  const [notebook, stranger] = [await book(() => framed), await book(() => framed)];
  const server = await startServer([world.survey], await freePort(), [
    "--token",
    "--notebook",
    `http://localhost:${notebook}`,
  ]);
  closing.push(() => server.kill());
  const token = /token=([\w-]+)/.exec(server.said)?.[1] ?? "";
  framed = `${server.address}/session/${session}#token=${token}`;
  const context = await world.browser.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true });
  closing.push(() => context.close());
  const urls: string[] = [];
  context.on("request", (one) => urls.push(one.url()));
  const page = await context.newPage();
  await page.goto(`http://localhost:${notebook}/`);
  const frame = page.frameLocator("iframe");
  await frame.locator(".work .tile").first().waitFor();
  await expect
    .poll(() =>
      frame
        .locator(".work .tile img")
        .evaluateAll((all) => (all as HTMLImageElement[]).every((image) => image.naturalWidth > 0)),
    )
    .toBe(true);
  await frame.locator(`.tile[data-object="${picks[0]}"] .face`).click();
  await frame.locator(".save.ok").waitFor();
  expect(await world.labelOf(session, picks[0])).toBe("positive");
  await world.answer(session, picks.slice(1, 3));
  await expect.poll(() => frame.locator(".work .tile .mark").count()).toBe(3);
  await frame.getByRole("button", { name: "Ranking and export" }).click();
  const download = page.waitForEvent("download");
  await frame.getByRole("link", { name: "CSV" }).click();
  expect((await download).suggestedFilename()).toBe(`${session}.csv`);
  expect(page.frames()[1].url()).toBe(`${server.address}/session/${session}/results`);
  expect(urls.filter((url) => new URL(url).search.includes(token))).toEqual([]);
  // A page that was not named shows nothing of it.
  await page.goto(`http://localhost:${stranger}/`);
  await page.waitForTimeout(500);
  expect(
    await page
      .frames()[1]
      .locator("body")
      .textContent()
      .catch(() => ""),
  ).not.toContain("In a notebook");
});
