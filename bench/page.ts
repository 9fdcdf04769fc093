/**
 * The page at 200,000 objects in Chromium: first paint, scrolling, the map, click to saved label, the next page,
 * memory. `skyloop bench page`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Page as PageOfPicks, SessionState } from "../src/contract/api.ts";
import { launch, type Running, startServer, until } from "../test/e2e/harness.ts";
import { firstPaint, memoryOf, traceScroll, wheel } from "../test/e2e/trace.ts";
import { freePort } from "../test/fixtures/free-port.ts";
import { isWanted, largeId, largeSurvey } from "../test/fixtures/large.ts";
import { median } from "./common.ts";
import { benchServer, type Late, type ServerBench } from "./page-server.ts";

export interface PageBench {
  objects: number;
  dim: number;
  /** Milliseconds from the start of the navigation, one a visit. */
  firstPaintMs: { home: number[]; ranking: number[]; label: number[] };
  /** Milliseconds until the first pictures of the ranking are there. */
  firstPicturesMs: number[];
  /** Of the browser's own trace: a slow and a fast scroll of the ranking, and the map of all objects being moved. */
  framesPerSecond: { scroll: number; fastScroll: number; map: number };
  longestGapMs: { scroll: number; fastScroll: number; map: number };
  /**
   * Milliseconds from the click until the page shows the label as saved, right after a round was asked for, while the
   * survey is ranked: ten clicks a second on pictures that are there, and every object as fast as the one before was
   * saved, from the page's first moment.
   */
  clickToShownSavedMs: { tenASecond: Spread; atOnce: Spread };
  /**
   * Milliseconds from Enter until the first picks of the next round stand on the page; and until the whole survey is
   * ranked.
   */
  nextPageMs: number[];
  wholeRankingMs: number[];
  /** The page's own JavaScript after a collection: at the start, and after a scroll through the whole ranking. */
  heapMegabytes: { before: number; after: number };
  server: ServerBench;
}

/** Of times in milliseconds. */
interface Spread {
  median: number;
  nineteenOf20: number;
  worst: number;
  clicks: number;
}

const spreadOf = (times: number[]): Spread => ({
  median: median(times),
  nineteenOf20: times.toSorted((a, b) => a - b)[Math.ceil(0.95 * times.length) - 1],
  worst: Math.max(...times),
  clicks: times.length,
});

/** A server that is measured, its session, and a browser to visit it. */
interface Site {
  address: string;
  session: string;
  ask: <T>(path: string, body?: object) => Promise<T>;
  /** Visits with an empty cache, as the first time. */
  visit: <T>(path: string, look: (page: Page) => Promise<T>) => Promise<T>;
}

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Makes a survey of `objects`, serves it, and measures the page in Chromium. */
export async function benchPage({ objects = 200_000, dim = 384, visits = 3, rounds = 6 } = {}): Promise<PageBench> {
  say("making the survey");
  const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
  const survey = await largeSurvey(folder, objects, dim);
  const browser = await launch();
  let server: Running | null = null;
  try {
    const delays = join(folder, "delays");
    server = await startServer([survey], await freePort(), [], {
      node: ["--import", join(import.meta.dirname, "loop-delay.mjs")],
      env: { SKYLOOP_BENCH_DELAYS: delays },
    });
    const { address, pid } = server;
    const site = await openSite(address, browser);
    const paints = await firstPaints(site, visits);
    const { slow, fast, heap } = await scrolling(site);
    const map = await mapMoved(site);
    const labelling = await clicksAndRounds(site, rounds);
    say("the server while it ranks and exports");
    const alone = await benchServer(site.ask, address, pid, {
      session: site.session,
      objects,
      rounds: 2,
      label: (n) => largeId(n + 1000),
      delays,
    });
    return {
      objects,
      dim,
      server: alone,
      ...paints,
      framesPerSecond: { scroll: slow.framesPerSecond, fastScroll: fast.framesPerSecond, map: map.framesPerSecond },
      longestGapMs: { scroll: slow.longestGapMs, fastScroll: fast.longestGapMs, map: map.longestGapMs },
      ...labelling,
      heapMegabytes: heap,
    };
  } finally {
    await browser.close();
    await server?.kill();
    rmSync(folder, { recursive: true });
  }
}

/** Begins a session on a server, and waits until it has ranked the survey once. */
async function openSite(address: string, browser: Browser): Promise<Site> {
  const ask = async <T>(path: string, body?: object): Promise<T> => {
    const init =
      body === undefined
        ? {}
        : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return (await (await fetch(`${address}/api${path}`, init)).json()) as T;
  };
  const rows = Array.from({ length: 400 }, (_, row) => row);
  const { session } = await ask<SessionState>("/sessions", {
    survey: "large",
    model: "toy",
    target: "Bench",
    pageSize: 24,
    who: "me",
    positive: rows.filter(isWanted).slice(0, 8).map(largeId),
    negative: rows
      .filter((row) => !isWanted(row))
      .slice(0, 8)
      .map(largeId),
  });
  await ask<PageOfPicks>(`/sessions/${session}/rounds`, { who: "me", seen: 0 });
  const visit = async <T>(path: string, look: (page: Page) => Promise<T>): Promise<T> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    const page = await context.newPage();
    await page.goto(address + path);
    const found = await look(page);
    await context.close();
    return found;
  };
  const site = { address, session, ask, visit };
  await until(() => isRanked(site));
  return site;
}

const isRanked = async ({ ask, session }: Site) =>
  (await ask<SessionState>(`/sessions/${session}`)).page?.provisional === false;
const rankingOf = ({ session }: Site) => `/session/${session}/results`;

async function firstPaints(site: Site, visits: number): Promise<Pick<PageBench, "firstPaintMs" | "firstPicturesMs">> {
  say("first paints");
  const { visit, session } = site;
  const firstPaintMs: PageBench["firstPaintMs"] = { home: [], ranking: [], label: [] };
  const firstPicturesMs: number[] = [];
  for (let i = 0; i < visits; i++) {
    firstPaintMs.home.push(await visit("/", firstPaint));
    firstPaintMs.label.push(await visit(`/session/${session}`, firstPaint));
    firstPaintMs.ranking.push(await visit(rankingOf(site), firstPaint));
    firstPicturesMs.push(
      await visit(rankingOf(site), (page) =>
        page
          .waitForFunction(() => {
            const first = document.querySelector<HTMLImageElement>(".results .tile img");
            return first?.complete === true && first.naturalWidth > 0 && performance.now();
          })
          .then((handle) => handle.jsonValue() as Promise<number>),
      ),
    );
  }
  return { firstPaintMs, firstPicturesMs };
}

/** A slow and a fast scroll of the ranking; the page's memory before, and after a scroll through all of it. */
async function scrolling(site: Site) {
  say("scrolling");
  return site.visit(rankingOf(site), async (page) => {
    await page.locator(".tile[data-object] img").first().waitFor();
    const client = await page.context().newCDPSession(page);
    const before = await memoryOf(page);
    const at = { x: 600, y: 500, forMs: 4000 };
    const slow = await traceScroll(page, () => wheel(client, { ...at, speedPxPerSecond: 800 }));
    const fast = await traceScroll(page, () => wheel(client, { ...at, speedPxPerSecond: 4000 }));
    const scroller = page.getByRole("region", { name: "Objects, best first" });
    for (let step = 1; step <= 60; step++) {
      await scroller.evaluate((element, share) => element.scrollTo(0, element.scrollHeight * share), step / 60);
      await page.waitForTimeout(120);
    }
    const heap = { before: before.heapBytes / 2 ** 20, after: (await memoryOf(page)).heapBytes / 2 ** 20 };
    return { slow, fast, heap };
  });
}

/** The map of all objects, dragged. */
async function mapMoved({ visit, session }: Site) {
  say("map");
  return visit(`/map/large?session=${session}`, async (page) => {
    const canvas = page.getByRole("img", { name: /^Map of/ });
    await canvas.waitFor({ timeout: 120_000 });
    const box = await canvas.boundingBox();
    if (box === null) throw new Error("the map has no size");
    return traceScroll(page, async () => {
      await page.mouse.move(box.x + 200, box.y + 200);
      await page.mouse.down();
      for (let step = 0; step < 240; step++) {
        await page.mouse.move(box.x + 200 + step, box.y + 200 + step / 2);
        await page.waitForTimeout(8);
      }
      await page.mouse.up();
    });
  });
}

async function clicksAndRounds(
  site: Site,
  rounds: number,
): Promise<Pick<PageBench, "clickToShownSavedMs" | "nextPageMs" | "wholeRankingMs">> {
  say("clicks and rounds");
  const clicks: number[][] = [[], []];
  const [nextPageMs, wholeRankingMs]: number[][] = [[], []];
  await site.visit(`/session/${site.session}`, async (page) => {
    await page.locator(".work .tile").first().waitFor();
    // A page without an answer is not left by Enter alone: it asks first.
    await page.evaluate(clickEach, 0);
    await page.locator(".save.ok").waitFor();
    for (let round = 1; round <= rounds; round++) {
      nextPageMs.push(await page.evaluate(pressEnter));
      const start = performance.now();
      const labelled = page.evaluate(clickEach, round % 2 === 0 ? 100 : 0);
      await until(() => isRanked(site));
      wholeRankingMs.push(nextPageMs[nextPageMs.length - 1] + performance.now() - start);
      clicks[round % 2].push(...(await labelled));
      await page.locator(".save.ok").waitFor();
    }
  });
  const clickToShownSavedMs = { tenASecond: spreadOf(clicks[0]), atOnce: spreadOf(clicks[1]) };
  return { clickToShownSavedMs, nextPageMs, wholeRankingMs };
}

/** When the HTTP thread was held up the longest, and by what. */
function describeLate(late: Late[]): string {
  const longest = (of: (one: Late) => number) => Math.max(0, ...late.map(of)).toFixed(1);
  const worst = late.reduce<Late | null>((most, one) => (most === null || one.lateMs > most.lateMs ? one : most), null);
  const over = late.filter(({ lateMs }) => lateMs > 50).length;
  const held =
    worst === null
      ? "never late by more than 10 ms"
      : `late by ${worst.lateMs.toFixed(1)} ms at most (it ran for ${worst.ranMs.toFixed(1)} of them and waited for a processor for ${worst.waitedMs.toFixed(1)}), ${over} times by more than 50`;
  return `${held}; ran for at most ${longest(({ ranMs }) => ranMs)} ms at a time`;
}

/** The figures as a table. */
export function describePage(result: PageBench): string {
  const ms = (values: number[]) => `${values.map((value) => value.toFixed(0)).join(" ")} ms`;
  const clicks = ({ median: half, nineteenOf20, worst, clicks: count }: Spread) =>
    `${half.toFixed(1)} ms (95 % below ${nineteenOf20.toFixed(1)}, worst ${worst.toFixed(1)} of ${count})`;
  const {
    firstPaintMs: paint,
    framesPerSecond: frames,
    longestGapMs: gap,
    clickToShownSavedMs: click,
    heapMegabytes: heap,
  } = result;
  return [
    `${result.objects} objects x ${result.dim} features`,
    `  first paint             home ${ms(paint.home)}, labelling ${ms(paint.label)}, ranking ${ms(paint.ranking)}`,
    `  first pictures          ${ms(result.firstPicturesMs)}`,
    `  scroll, 800 px/s        ${frames.scroll.toFixed(1)} frames/s (longest gap ${gap.scroll.toFixed(0)} ms)`,
    `  scroll, 4000 px/s       ${frames.fastScroll.toFixed(1)} frames/s (longest gap ${gap.fastScroll.toFixed(0)} ms)`,
    `  map moved               ${frames.map.toFixed(1)} frames/s (longest gap ${gap.map.toFixed(0)} ms)`,
    `  click to shown as saved ten clicks a second ${clicks(click.tenASecond)}, all at once ${clicks(click.atOnce)}`,
    `  next page               ${ms(result.nextPageMs)}; whole ranking ${ms(result.wholeRankingMs)}`,
    `  page's memory           ${heap.before.toFixed(1)} MB, after scrolling through all ${heap.after.toFixed(1)} MB`,
    `  while ranking, exporting label saved ${clicks(spreadOf(result.server.labelMs))}, page of the ranking ${clicks(spreadOf(result.server.rankingMs))}`,
    `  smallest answer         ${clicks(spreadOf(result.server.smallestMs))}; the asker itself was late by ${result.server.askerLateMs.toFixed(1)} ms at most`,
    `  the HTTP thread itself  ${describeLate(result.server.late)}`,
    `  memory                  export of all as CSV ${(result.server.exportMs / 1000).toFixed(1)} s; server's memory ${result.server.memoryMegabytes.toFixed(0)} MB, of which pages of files ${result.server.filesMegabytes.toFixed(0)}`,
  ].join("\n");
}

/**
 * In the page: clicks every object once; milliseconds until each stands as saved. With a gap (ms) between clicks an
 * object is clicked when its picture is there. Loops only: tsx puts a helper that the page lacks into named functions.
 */
async function clickEach(gapMs: number): Promise<number[]> {
  const out: number[] = [];
  for (;;) {
    // The page may be refined between two clicks: what has no label yet is asked for each time.
    const tile = document.querySelector<HTMLElement>(".work .tile:not(.positive)");
    if (tile === null) return out;
    const image = tile.querySelector("img");
    if (gapMs > 0)
      while (image?.isConnected && !(image.complete && image.naturalWidth > 0))
        await new Promise((resolve) => setTimeout(resolve, 10));
    if (!tile.isConnected) continue;
    const start = performance.now();
    tile.querySelector<HTMLElement>(".face")?.click();
    while (!tile.classList.contains("positive") || tile.classList.contains("pending"))
      await new Promise((resolve) => setTimeout(resolve, 0));
    out.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, gapMs));
  }
}

/** In the page: asks for the next round; milliseconds until other objects stand there. */
async function pressEnter(): Promise<number> {
  const before = document.querySelector<HTMLElement>(".work .tile")?.dataset.object;
  const start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  while (document.querySelector<HTMLElement>(".work .tile")?.dataset.object === before)
    await new Promise((resolve) => requestAnimationFrame(resolve));
  return performance.now() - start;
}
