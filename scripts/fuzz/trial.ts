/** The process under trial: does with damaged files what the program does, and says what became of each. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "./seeds.ts";

/** The compiled program, as users run it. */
const load = <T>(name: string): Promise<T> => import(new URL(`../../dist/${name}.js`, import.meta.url).href);
const { codeOf, messageOf, SkyloopError } = await load<typeof import("../../src/base/errors.ts")>("base/errors");
const { SILENT } = await load<typeof import("../../src/base/progress.ts")>("base/progress");
const { Random } = await load<typeof import("../../src/base/random.ts")>("base/random");
const { buildServer } = await load<typeof import("../../src/server/app.ts")>("server/app");
const { listFeatures, openFeatures } = await load<typeof import("../../src/store/features.ts")>("store/features");
const { readTable } = await load<typeof import("../../src/survey/catalogue.ts")>("survey/catalogue");
const { createSurvey } = await load<typeof import("../../src/survey/create.ts")>("survey/create");
const { openSurvey } = await load<typeof import("../../src/survey/folder.ts")>("survey/folder");
const { readSafetensors } = await load<typeof import("../../src/torch/safetensors.ts")>("torch/safetensors");

/** What became of a file: read, refused with a code, or (a fault) refused without one or lost. */
export interface Outcome {
  name: string;
  how: "read" | "coded" | "uncoded" | "lost";
  word: string;
}

async function tried(name: string, body: () => unknown): Promise<Outcome> {
  try {
    await body();
    return { name, how: "read", word: "" };
  } catch (error) {
    const coded = error instanceof SkyloopError;
    return { name, how: coded ? "coded" : "uncoded", word: coded ? error.code : messageOf(error).slice(0, 200) };
  }
}

/** All files of a folder go into one survey; `good` ones must be in it. */
async function takeIn(folder: string, work: string): Promise<Outcome[]> {
  const out = join(work, "out");
  rmSync(out, { recursive: true, force: true });
  const files = readdirSync(folder);
  let sources: string[] = [];
  let problems: { source: string; code: string }[] = [];
  try {
    await createSurvey({ images: folder, out, adaptiveCrop: false, command: "fuzz", progress: SILENT });
    const survey = await openSurvey(out);
    sources = Array.from({ length: survey.count }, (_, row) => survey.row(row).source);
    for (let row = 0; row < Math.min(4, survey.count); row++) await survey.readStamp(row);
    problems = survey.problems;
    survey.close();
  } catch (error) {
    const how = error instanceof SkyloopError ? "lost" : "uncoded";
    return files.map((name) => ({ name, how, word: `${codeOf(error)} ${messageOf(error).slice(0, 200)}` }));
  }
  const of = (name: string) => (source: string) =>
    source.split(", ").some((one) => one.replace(/\[.*\]$/, "") === name);
  return files.map((name) => {
    const problem = problems.find(({ source }) => of(name)(source));
    if (sources.some(of(name))) return { name, how: "read", word: problem?.code ?? "" };
    if (problem === undefined) return { name, how: "lost", word: "neither taken in nor named" };
    return {
      name,
      how: name.startsWith("good") ? "lost" : /^[A-Z0-9_]+$/.test(problem.code) ? "coded" : "uncoded",
      word: problem.code,
    };
  });
}

const METHODS = ["GET", "POST", "DELETE", "PUT"] as const;
const PATHS = [
  "/api/surveys",
  "/api/surveys/survey/objects",
  "/api/surveys/survey/lookup",
  "/api/surveys/survey/objects/0/picture",
  "/api/sessions",
  "/api/sessions/x/labels",
  "/api/sessions/x/import",
  "/api/health",
];

/** Requests with odd parts; every answer below 500, every refusal with a code. */
async function ask(survey: string, seed: number, count: number): Promise<Outcome[]> {
  const app = await buildServer({ surveys: [survey] });
  const random = new Random(seed);
  const pick = <T>(items: readonly T[]) => items[random.int(items.length)];
  const odd = () =>
    pick<unknown>([
      "",
      "x".repeat(9000),
      "\u0000",
      "__proto__",
      -1,
      1e308,
      null,
      [],
      {},
      ["a", 1],
      true,
      "../..",
      "%00",
      "😀",
      "1,2 3",
    ]);
  const outcomes: Outcome[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const method = pick(METHODS);
      const url = `${pick(PATHS)}${random.int(2) ? `?${pick(["ids", "q", "limit", "offset", "column"])}=${encodeURIComponent(String(odd()))}` : ""}`;
      const body = {
        survey: odd(),
        model: odd(),
        target: odd(),
        who: odd(),
        ids: odd(),
        text: odd(),
        positive: odd(),
        labels: odd(),
      };
      const answer = await app.inject({
        method,
        url,
        headers: { host: "127.0.0.1" },
        ...(method === "GET" ? {} : { payload: body }),
      });
      const refused = answer.statusCode >= 400;
      const code = refused && /json/.test(String(answer.headers["content-type"])) ? answer.json().code : undefined;
      const right = answer.statusCode < 500 && (!refused || typeof code === "string");
      outcomes.push({
        name: `${method} ${url.slice(0, 80)}`,
        how: right ? (refused ? "coded" : "read") : "uncoded",
        word: refused ? `${answer.statusCode} ${code}` : "",
      });
    }
  } finally {
    await app.close();
  }
  return outcomes;
}

async function trial(kind: Kind, folder: string, work: string, seed: number, count: number): Promise<Outcome[]> {
  mkdirSync(work, { recursive: true });
  if (kind === "api") return ask(join(folder, "survey"), seed, count);
  const files = readdirSync(folder);
  const outcomes: Outcome[] = [];
  if (kind === "tables")
    for (const name of files) outcomes.push(await tried(name, () => readTable(join(folder, name))));
  else if (kind === "safetensors")
    for (const name of files) outcomes.push(await tried(name, () => readSafetensors(join(folder, name))));
  else if (kind === "json")
    for (const name of files)
      outcomes.push(
        await tried(name, async () => {
          const survey = await openSurvey(join(folder, name));
          survey.problems.map(({ code }) => code);
          if (survey.count > 0) await survey.readStamp(0);
          survey.close();
          listFeatures(join(folder, name));
          const features = openFeatures(join(folder, name), "toy");
          features.matrix();
          features.close();
        }),
      );
  else return takeIn(folder, work);
  return outcomes;
}

process.on("message", async ([kind, folder, work, seed, count]: [Kind, string, string, number, number]) => {
  process.send?.(await trial(kind, folder, work, seed, count));
});
process.send?.([]);
