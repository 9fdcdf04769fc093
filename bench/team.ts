/**
 * Many people at once on PostgreSQL: 25 send one label a second each over HTTP; each label must be saved once, and be
 * heard by somebody else.
 *
 * Command: npx tsx bench/team.ts [--people 25] [--seconds 60] [--every 1] [--mixed]
 * With --mixed others ask meanwhile for rounds, pages of the ranking, exports, agreement and lists, and the memory is
 * told ten times, after each tenth of the time.
 * Hardware: a server of PostgreSQL is made for it, with fsync as delivered, in a temporary folder, and removed. Save:
 * from the click to the answer; seen: from the click to its arrival at another connection's live stream; peer: the same
 * number of plain INSERTs one after another into a table of one column, in the same run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { log } from "../src/base/log.ts";
import { buildServer } from "../src/server/app.ts";
import { openSurvey } from "../src/survey/folder.ts";
import { TestPostgres } from "../test/fixtures/postgres.ts";
import { featuredSurvey } from "../test/fixtures/surveys.ts";

const { values: flags } = parseArgs({
  options: {
    people: { type: "string", default: "25" },
    seconds: { type: "string", default: "60" },
    every: { type: "string", default: "1" },
    mixed: { type: "boolean", default: false },
  },
});
const [people, seconds, every] = [Number(flags.people), Number(flags.seconds), Number(flags.every)];
log.level = "error";
/** Labels go round among the first of the objects; rounds need others that nobody has answered. */
const LABELLED = 200;
const COUNT = flags.mixed ? 2000 : LABELLED;
const folder = mkdtempSync(join(tmpdir(), "skyloop-bench-"));
const percentile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
const shown = (values: number[]) =>
  values.length === 0
    ? "-"
    : `p50 ${percentile(values, 0.5).toFixed(1)} ms, p95 ${percentile(values, 0.95).toFixed(1)} ms, largest ${percentile(values, 1).toFixed(0)} ms`;

const place = mkdtempSync(join(tmpdir(), "skyloop-bench-pg-"));
const server = await TestPostgres.make(place, []);
try {
  const url = await server.database();
  process.env.DATABASE_URL = url;
  const survey = await featuredSurvey(folder, COUNT, (row) => row % 4 === 0);
  const { rows, close } = await openSurvey(survey);
  const ids = rows.map(({ id }) => id);
  close();
  const app = await buildServer({ surveys: [survey] });
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${address}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const wanted = { survey: "small", model: "toy", target: "load", who: "a", positive: [ids[0]], negative: [ids[1]] };
  const { session } = (await post("/api/sessions", wanted)) as { session: string };
  const sent = new Map<string, number>();
  const seen: number[] = [];
  const stop = new AbortController();
  const listening = fetch(`${address}/api/sessions/${session}/stream`, { signal: stop.signal }).then(async (answer) => {
    let text = "";
    for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        for (const [, key] of text.slice(0, end).matchAll(/"clientKey":"([^" ]+) label"/g)) {
          const at = sent.get(key);
          if (at !== undefined) seen.push(performance.now() - at);
        }
        text = text.slice(end + 2);
      }
    }
  });
  listening.catch(() => {});
  await setTimeout(500);
  const before = process.memoryUsage.rss();
  const save: number[] = [];
  const person = async (n: number) => {
    await setTimeout((1000 * every * n) / people);
    for (let i = 0; i < Math.floor(seconds / every); i++) {
      const at = performance.now();
      const key = `${n}.${i}`;
      sent.set(key, at);
      const value = (i + n) % 2 === 0 ? "positive" : "negative";
      const labels = [{ object: ids[(i * people + n) % LABELLED], value, clientKey: key }];
      await post(`/api/sessions/${session}/labels`, { who: `person ${n}`, labels });
      save.push(performance.now() - at);
      await setTimeout(Math.max(0, 1000 * every - (performance.now() - at)));
    }
  };
  const over = new AbortController();
  const [asked, memory] = [new Map<string, number[]>(), [] as string[]];
  const get = async (path: string) => {
    const answer = await fetch(`${address}${path}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.arrayBuffer();
  };
  /** Asks again and again until the people have gone. */
  const meanwhile = async (what: string, pauseMs: number, ask: () => Promise<unknown>) => {
    const times: number[] = [];
    asked.set(what, times);
    while (await setTimeout(pauseMs, true, { signal: over.signal }).catch(() => false)) {
      const at = performance.now();
      await ask();
      times.push(performance.now() - at);
    }
  };
  const own = `/api/sessions/${session}`;
  const others = !flags.mixed
    ? []
    : [
        meanwhile("next round", 20_000, async () => {
          const { round } = (await (await fetch(`${address}${own}`)).json()) as { round: number | null };
          await post(`${own}/rounds`, { who: "a", seen: round ?? 0 });
        }),
        meanwhile("page of the ranking", 3000, () => get(`${own}/ranking?limit=100&offset=0`)),
        meanwhile("export as CSV", 15_000, () => get(`${own}/export?format=csv&answers=true`)),
        meanwhile("who agrees", 10_000, () => get(`${own}/agreement`)),
        meanwhile("list of objects", 2000, () => get("/api/surveys/small/objects?random=24")),
        meanwhile("memory", (seconds * 1000) / 10, async () => {
          memory.push((process.memoryUsage.rss() / 2 ** 20).toFixed(0));
        }),
      ];
  await Promise.all(Array.from({ length: people }, (_, n) => person(n)));
  over.abort();
  await Promise.all(others);
  await setTimeout(1000);
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  stop.abort();
  const sql = postgres(url, { max: 1 });
  const rowsOf = await sql`SELECT client_key FROM skyloop.events WHERE client_key IS NOT NULL`;
  const keys = rowsOf.map(({ client_key }) => String(client_key).replace(" label", ""));
  await sql`CREATE TABLE peer (value text)`;
  const peer: number[] = [];
  for (let i = 0; i < Math.min(200, sent.size); i++) {
    const at = performance.now();
    await sql`INSERT INTO peer VALUES (${String(i)})`;
    peer.push(performance.now() - at);
  }
  await sql.end();
  await app.close();
  const lost = [...sent.keys()].filter((key) => !keys.includes(key)).length;
  process.stdout.write(
    `${people} people, a label every ${every} s, ${seconds} s: ${sent.size} sent, ${lost} lost, ${keys.length - new Set(keys).size} twice, ${seen.length} seen by another\n` +
      `save: ${shown(save)}\nseen by another: ${shown(seen)}\npeer, one plain INSERT: ${shown(peer)}\nmemory of the server: ${grown >= 0 ? "+" : ""}${grown.toFixed(0)} MB\n`,
  );
  asked.delete("memory");
  for (const [what, times] of asked) process.stdout.write(`${what}, ${times.length} times: ${shown(times)}\n`);
  if (flags.mixed) process.stdout.write(`memory in MB by tenths of the time: ${memory.join(", ")}\n`);
} finally {
  await server.stop();
  for (const one of [folder, place]) rmSync(one, { recursive: true, force: true });
}
