/**
 * A real server as a child process and Chromium, for a file of tests. Every page is watched: after each test an error
 * in a page's console, an error that nobody caught, or a request to another place fails it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import type { NewSession, Page as PageOfPicks, SessionState } from "../../src/contract/api.ts";
import type { Learning } from "../../src/contract/insight.ts";
import { openSurvey } from "../../src/survey/folder.ts";
import { freePort } from "../fixtures/free-port.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Running {
  address: string;
  /** What it printed when it was ready. */
  said: string;
  /** Of the server's process. */
  pid: number;
  /** Ends the process as a power cut would. */
  kill(): Promise<void>;
}

/** Starts `skyloop serve`, with further options of it and of Node, and waits until it answers. */
export async function startServer(
  surveys: string[],
  port: number,
  more: string[] = [],
  { node = [], env = {} }: { node?: string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<Running> {
  const child: ChildProcess = spawn(
    process.execPath,
    [...node, join(PACKAGE_ROOT, "bin/skyloop"), "serve", ...surveys, "--port", String(port), ...more],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    },
  );
  const said = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve(String(data)));
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code}`)));
  });
  return {
    address: `http://127.0.0.1:${port}`,
    said,
    pid: child.pid as number,
    kill: () =>
      new Promise((resolve) => {
        child.removeAllListeners("exit");
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

/** Waits, in a test or before it, until something holds. */
export async function until(holds: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (
    const end = performance.now() + timeoutMs;
    !(await holds());
    await new Promise((resolve) => setTimeout(resolve, 100))
  )
    if (performance.now() > end) throw new Error(`still not so after ${timeoutMs / 1000} s: ${holds}`);
}

export function launch(): Promise<Browser> {
  if (!existsSync(CHROMIUM))
    throw new Error(`no Chromium at ${CHROMIUM}; run \`npm test\`, which installs it, or set CHROMIUM`);
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export interface OpenOptions extends BrowserContextOptions {
  /** Errors in the console that the test brings about itself. */
  expected?: RegExp;
  /** Who labels. */
  who?: string;
}

/** What the tests of one file share. Its fields are there from `beforeAll` on. */
export class World {
  browser!: Browser;
  server!: Running;
  survey = "";
  port = 0;
  ids: string[] = [];
  /** What the toy features set apart. */
  spirals = new Set<string>();
  readonly #watched: { context: BrowserContext; faults: string[] }[] = [];

  get address(): string {
    return this.server.address;
  }

  /** Opens a page of its own browser profile. */
  async open(path: string, { expected, who, ...options }: OpenOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 860 },
      acceptDownloads: true,
      ...options,
    });
    const faults: string[] = [];
    this.#watched.push({ context, faults });
    if (who !== undefined)
      await context.addInitScript(
        (name) => location.origin !== "null" && localStorage.setItem("skyloop.who", JSON.stringify(name)),
        who,
      );
    context.on("console", (message) => {
      if (message.type() === "error" && expected?.test(message.text()) !== true)
        faults.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => faults.push(`error: ${error.error().message}`));
    context.on("request", (request) => {
      if (!request.url().startsWith(this.address) && !/^(data|blob):/.test(request.url()))
        faults.push(`request: ${request.url()}`);
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(this.address + path);
    return page;
  }

  /** Another tab of the same browser profile. */
  async tab(page: Page, path: string): Promise<Page> {
    const other = await page.context().newPage();
    await other.goto(this.address + path);
    return other;
  }

  /** Closes what the test opened and answers what went wrong in it. */
  async settle(): Promise<string[]> {
    const found = this.#watched.flatMap(({ faults }) => faults);
    await Promise.all(this.#watched.map(({ context }) => context.close()));
    this.#watched.length = 0;
    return found;
  }

  async ask<T>(path: string, body?: object): Promise<T> {
    const init =
      body === undefined
        ? {}
        : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${this.address}/api${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Starts a session with five spirals and five others, and its first round. */
  async begin(target: string, wanted: Partial<NewSession> = {}): Promise<{ session: string; picks: string[] }> {
    const others = this.ids.filter((id) => !this.spirals.has(id));
    const { session } = await this.ask<SessionState>("/sessions", {
      survey: "small",
      model: "toy",
      target,
      pageSize: 16,
      randomPicks: 4,
      who: "me",
      positive: [...this.spirals].slice(0, 5),
      negative: others.slice(0, 5),
      ...wanted,
    });
    return { session, picks: await this.nextRound(session, 0) };
  }

  /** Asks for the next round and waits until the whole survey is ranked. */
  async nextRound(session: string, seen: number): Promise<string[]> {
    const page = await this.ask<PageOfPicks>(`/sessions/${session}/rounds`, { who: "me", seen });
    await until(async () => (await this.state(session)).ranked);
    return page.picks.map(({ object }) => object);
  }

  /** Waits until a round has been assessed. */
  assessed(session: string, round: number): Promise<void> {
    return until(async () =>
      (await this.ask<Learning>(`/sessions/${session}/learning`)).assessments.some((one) => one.round === round),
    );
  }

  state(session: string, who = "me"): Promise<SessionState> {
    return this.ask(`/sessions/${session}?who=${who}`);
  }

  /** The label of an object, or null. */
  async labelOf(session: string, object: string): Promise<string | null> {
    return (await this.state(session)).labels[object]?.value ?? null;
  }

  truth(id: string): "positive" | "negative" {
    return this.spirals.has(id) ? "positive" : "negative";
  }

  /** Answers a whole page by the truth. */
  async answer(session: string, picks: string[]): Promise<void> {
    await this.ask(`/sessions/${session}/labels`, {
      who: "me",
      labels: picks.map((object) => ({ object, value: this.truth(object) })),
    });
  }
}

/**
 * Starts a server over a copy of the small survey and a browser for this file of tests, and watches every page. `heads`
 * makes the image heads that it is given.
 */
export function openWorld({ heads = () => [] }: { heads?(folder: string): string[] } = {}): World {
  const world = new World();
  const folder = temporaryFolder();
  beforeAll(async () => {
    const files = heads(folder.path);
    world.survey = join(folder.path, "small");
    cpSync(inject("survey"), world.survey, { recursive: true });
    const opened = await openSurvey(world.survey);
    world.ids = opened.rows.map(({ id }) => id);
    world.spirals = new Set(opened.rows.filter((row) => row.columns.faceOnSpiral === true).map(({ id }) => id));
    opened.close();
    world.port = await freePort();
    [world.server, world.browser] = await Promise.all([
      startServer([world.survey], world.port, files.length === 0 ? [] : ["--head", ...files]),
      launch(),
    ]);
  });
  afterEach(async () => {
    expect(await world.settle()).toEqual([]);
  });
  afterAll(async () => {
    await world.browser?.close();
    await world.server?.kill();
    folder.remove();
  });
  return world;
}

/** The objects that stand in the grid, in order. */
export const shown = (page: Page): Promise<string[]> =>
  page
    .locator(".tile[data-object]")
    .evaluateAll((all) => all.map((tile) => (tile as HTMLElement).dataset.object as string));
export const tile = (page: Page, object: string): Locator => page.locator(`.tile[data-object="${object}"]`);
export const face = (page: Page, object: string): Locator => tile(page, object).locator(".face");
export const allSaved = (page: Page): Promise<void> => page.locator(".save.ok").waitFor();
/** Opens a session's page and waits for its objects. */
export async function openSession(world: World, session: string, options: OpenOptions = {}): Promise<Page> {
  const page = await world.open(`/session/${session}`, options);
  await page.locator(".work .tile").first().waitFor();
  return page;
}
