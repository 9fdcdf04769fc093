// Kill trials: `kill -9` at random moments, and what is left. `node scripts/kill-trials.mjs [--labels 100] [--embed 45]
// [--create 20] [--pretrain 20] [--seed 1]` prints the table of docs/reliability.md; a number of 0 leaves a kind out.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const number = (text) => ({ type: "string", default: text });
const { values } = parseArgs({
  options: {
    labels: number("100"),
    embed: number("45"),
    create: number("20"),
    pretrain: number("20"),
    seed: number("1"),
  },
});
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORK = mkdtempSync(join(tmpdir(), "skyloop-kill-"));
const PORT = 8397;
const BASE = `http://127.0.0.1:${PORT}/api`;
let state = Number(values.seed);
/** Mulberry32: the same moments for the same seed, as far as the machine allows. */
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (...parts) => join(WORK, ...parts);
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const rows = [];
/** Servers that were started: none outlives this script. */
const servers = [];

/** Runs skyloop; killed after `killMs` where that is given. */
function skyloop(args, killMs) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, "bin/skyloop"), ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (part) => {
      said = (said + part).slice(-400);
    });
    const timer = killMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killMs);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ killed: signal === "SIGKILL", code, said });
    });
  });
}

async function must(args) {
  const started = performance.now();
  const { code, said } = await skyloop(args);
  if (code !== 0) throw new Error(`skyloop ${args.join(" ")}: ${said}`);
  return performance.now() - started;
}

/** Runs again and again, killed at a random moment of its usual time, until it was killed `kills` times and has ended. */
async function untilDone(args, kills, usualMs, look) {
  const result = { kills: 0, finished: 0, wrong: [] };
  while (result.kills < kills || result.finished === 0) {
    const more = result.kills < kills;
    const { killed, code, said } = await skyloop(args, more ? 200 + random() * usualMs : undefined);
    if (killed) result.kills++;
    else if (code === 0) result.finished++;
    else result.wrong.push(said);
    const problem = look(code === 0 && !killed);
    if (problem !== null) result.wrong.push(problem);
    if (result.wrong.length > 5) break;
  }
  return result;
}

const leftovers = (folder) => readdirSync(folder, { recursive: true }).filter((name) => /\.tmp$|\.partial/.test(name));

async function labels(kills) {
  const survey = at("labels");
  cpSync(at("survey"), survey, { recursive: true });
  const post = (path, body) =>
    fetch(BASE + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const start = async () => {
    const child = spawn(process.execPath, [join(ROOT, "bin/skyloop"), "serve", survey, "--port", String(PORT)], {
      stdio: "ignore",
    });
    servers.push(child);
    for (let i = 0; i < 1200; i++) {
      if (child.exitCode !== null) throw new Error("the server did not start");
      if (
        await fetch(`${BASE}/health`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return child;
      await sleep(50);
    }
    throw new Error("the server did not answer");
  };
  const acknowledged = new Map();
  let [session, ids, key] = ["", [], 0];
  let counts = { lost: 0, twice: 0, wrong: 0 };
  for (let trial = 0; trial <= kills; trial++) {
    const server = await start();
    if (session === "") {
      ids = (await (await fetch(`${BASE}/surveys/labels/objects?limit=60`)).json()).objects.map(({ object }) => object);
      const examples = { positive: ids.slice(0, 3), negative: ids.slice(3, 6) };
      const made = await post("/sessions", {
        survey: "labels",
        model: "lvm-nano",
        target: "kill",
        who: "k",
        ...examples,
      });
      const answer = await made.json();
      if (made.status !== 201) throw new Error(`${answer.code}: ${answer.message}`);
      session = answer.session;
    }
    const found = new Map();
    for (const event of await (await fetch(`${BASE}/sessions/${session}/events`)).json())
      if (event.clientKey !== null) found.set(event.clientKey, [...(found.get(event.clientKey) ?? []), event]);
    counts = { lost: 0, twice: [...found.values()].filter((list) => list.length > 1).length, wrong: 0 };
    for (const [name, { object, value }] of acknowledged) {
      const [event] = found.get(`${name} label`) ?? [];
      if (event === undefined) counts.lost++;
      else if (event.object !== object || event.value !== value) counts.wrong++;
    }
    let on = trial < kills;
    const click = async () => {
      while (on) {
        const label = {
          object: ids[Math.floor(random() * ids.length)],
          value: random() < 0.5 ? "positive" : "negative",
        };
        const clientKey = `c${key++}`;
        const answer = await post(`/sessions/${session}/labels`, { who: "k", labels: [{ ...label, clientKey }] }).catch(
          () => null,
        );
        if (answer === null) return;
        if (answer.status === 200 && (await answer.text().catch(() => null)) !== null)
          acknowledged.set(clientKey, label);
      }
    };
    const round = async () => {
      while (on && (await post(`/sessions/${session}/rounds`, { who: "k" }).catch(() => null)) !== null)
        await sleep(random() * 300);
    };
    const all = on ? [click(), click(), click(), round()] : [];
    await sleep(on ? 40 + random() * 900 : 0);
    server.kill("SIGKILL");
    on = false;
    await Promise.all(all);
  }
  const bad = Object.entries(counts).filter(([, count]) => count > 0);
  rows.push([
    "labels while they are given",
    kills,
    `${acknowledged.size} acknowledged: ${counts.lost} lost, ${counts.twice} twice, ${counts.wrong} wrong`,
    bad.length,
  ]);
}

async function embed(kills, usualMs) {
  const survey = at("embed");
  cpSync(at("survey"), survey, { recursive: true });
  const matrix = (folder) => join(folder, "features/lvm-nano/features.f32");
  const wanted = digest(matrix(survey));
  rmSync(join(survey, "features"), { recursive: true });
  let same = 0;
  const {
    kills: done,
    finished,
    wrong,
  } = await untilDone(["embed", survey, "--model", "lvm-nano"], kills, usualMs, (ended) => {
    if (!ended) return null;
    const equal = digest(matrix(survey)) === wanted;
    same += Number(equal);
    rmSync(join(survey, "features"), { recursive: true });
    return equal ? null : "features differ";
  });
  rows.push(["features (embed)", done, `${finished} finished, ${same} equal to those never stopped`, wrong.length]);
  return wrong;
}

async function create(kills, usualMs) {
  const out = at("made");
  let whole = 0;
  const {
    kills: done,
    finished,
    wrong,
  } = await untilDone(["survey", "create", out, "--images", at("images")], kills, usualMs, (ended) => {
    const stands = existsSync(join(out, "survey.json"));
    if (existsSync(out) && !stands) return "a folder that is no survey";
    if (ended !== stands) return ended ? "no survey after the end" : null;
    if (!stands) return null;
    const { count } = JSON.parse(readFileSync(join(out, "survey.json"), "utf8"));
    rmSync(out, { recursive: true });
    whole++;
    return count === 60 ? null : `${count} stamps of 60`;
  });
  const left = leftovers(WORK).length;
  rows.push([
    "a survey (survey create)",
    done,
    `${finished} finished, ${whole} whole, ${left} temporary files left`,
    wrong.length + left,
  ]);
  return wrong;
}

async function pretrain(kills, usualMs) {
  const recipe = at("recipe.json");
  const wanted = at("pretrain-whole", "encoder.safetensors");
  const out = at("pretrain");
  let same = 0;
  const tensors = (path) => {
    const bytes = readFileSync(path);
    return createHash("sha256")
      .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
      .digest("hex");
  };
  const {
    kills: done,
    finished,
    wrong,
  } = await untilDone(["pretrain", recipe, "--out", out], kills, usualMs, (ended) => {
    if (!ended) return null;
    const equal = tensors(join(out, "encoder.safetensors")) === tensors(wanted);
    same += Number(equal);
    rmSync(out, { recursive: true });
    return equal ? null : "weights differ";
  });
  rows.push([
    "pre-training (pretrain)",
    done,
    `${finished} finished, ${same} with the weights of a run never stopped`,
    wrong.length,
  ]);
  return wrong;
}

try {
  const survey = at("survey");
  await must(["survey", "simulate", survey, "--count", "300", "--size", "64", "--seed", "3"]);
  const embedMs = await must(["embed", survey, "--model", "lvm-nano"]);
  if (Number(values.labels) > 0) await labels(Number(values.labels));
  if (Number(values.embed) > 0) await embed(Number(values.embed), embedMs);
  if (Number(values.create) > 0) {
    const { default: sharp } = await import("sharp");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(at("images"));
    for (let i = 0; i < 60; i++) {
      const pixels = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, () => Math.floor(random() * 256)));
      writeFileSync(
        at("images", `i${i}.png`),
        await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
          .png()
          .toBuffer(),
      );
    }
    const usual = await must(["survey", "create", at("first"), "--images", at("images")]);
    await create(Number(values.create), usual);
  }
  if (Number(values.pretrain) > 0) {
    const recipe = {
      model: "lvm-nano",
      surveys: [survey],
      bankPx: 40,
      viewPx: 32,
      objectives: { vicreg: 1 },
      steps: 12,
      batchSize: 8,
    };
    writeFileSync(
      at("recipe.json"),
      JSON.stringify({ ...recipe, learningRate: 1e-3, warmupSteps: 2, checkpointEvery: 2, seed: 1, threads: 1 }),
    );
    const usual = await must(["pretrain", at("recipe.json"), "--out", at("pretrain-whole")]);
    await pretrain(Number(values.pretrain), usual);
  }
  process.stdout.write("| killed while it made | kills | what was left | faults |\n|---|---|---|---|\n");
  for (const row of rows) process.stdout.write(`| ${row.join(" | ")} |\n`);
  process.exitCode = rows.some((row) => row[3] > 0) ? 1 : 0;
} finally {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(WORK, { recursive: true, force: true });
}
