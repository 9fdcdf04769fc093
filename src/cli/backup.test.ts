import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { smallSurvey, temporaryFolder } from "../../test/fixtures/surveys.ts";
import { hashFile } from "../base/files.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { openStore } from "../store/sqlite.ts";
import { label, SETTINGS } from "../store/suite.ts";
import { buildProgram } from "./main.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
let survey = "";
beforeAll(async () => {
  survey = await smallSurvey(folder.path, 4, "galaxies");
}, 60_000);
afterAll(() => folder.remove());

async function skyloop(...args: string[]): Promise<string> {
  const spy = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await buildProgram().parseAsync(args, { from: "user" });
    return spy.mock.calls.map(([part]) => String(part)).join("");
  } finally {
    spy.mockRestore();
  }
}

/** What a folder holds, read in a copy: opening a database writes to it. */
async function sessionsIn(place: string) {
  const copy = mkdtempSync(at("read-"));
  cpSync(place, copy, { recursive: true });
  const store = await openStore(copy);
  try {
    const records = await store.sessions();
    return await Promise.all(
      records.map(async (record) => [record, await store.events(record.session), await store.rounds(record.session)]),
    );
  } finally {
    await store.close();
  }
}

it("a survey that is being labelled is backed up whole, and restored into the same objects made again", async () => {
  const bare = at("again");
  cpSync(survey, bare, { recursive: true });
  const store = await openStore(survey);
  await store.addSession("rings", SETTINGS, [label("a"), label("b")]);
  mkdirSync(join(survey, "loop"), { recursive: true });
  writeFileSync(join(survey, "loop/rings.scores"), "scores");
  let more = true;
  const clicks = (async () => {
    for (let i = 0; more; i++) {
      await store.addEvents("rings", [label(`c${i}`, `key-${i}`)]);
      await setImmediate();
    }
  })();
  expect(await skyloop("backup", survey, at("backup"))).toMatch(/rings: \d+ events, 0 rounds, copied and compared/);
  more = false;
  await clicks;
  await store.addEvents("rings", [label("later")]);
  await store.close();
  expect(readdirSync(at("backup")).sort()).toEqual(["backup.json", "loop", "skyloop.db"]);
  await expect(skyloop("backup", survey, at("backup"))).rejects.toMatchObject({ code: "FILE_EXISTS" });

  expect(await skyloop("restore", at("backup"), bare)).toMatch(/all 1 sessions of .* are there/);
  expect(readFileSync(join(bare, "loop/rings.scores"), "utf8")).toBe("scores");
  const [[record, events]] = await sessionsIn(bare);
  const [[wanted, all]] = await sessionsIn(survey);
  expect(record).toEqual(wanted);
  expect(events).toEqual((all as unknown[]).slice(0, (events as unknown[]).length));
  expect((events as unknown[]).length).toBeGreaterThanOrEqual(2);
  expect(await skyloop("restore", at("backup"), bare)).toMatch(/there already, the same/);
});

it("what is there is moved aside when asked, never overwritten", async () => {
  await expect(skyloop("restore", at("backup"), survey)).rejects.toMatchObject({ code: "SESSION_EXISTS" });
  const before = await sessionsIn(survey);
  const said = await skyloop("restore", at("backup"), survey, "--replace");
  const aside = /what was there is in (\S+)/.exec(said)?.[1] ?? "";
  expect(await sessionsIn(aside)).toEqual(before);
  expect(await sessionsIn(survey)).toEqual(await sessionsIn(at("backup")));
});

it("a backup of an older version opens, and is not written to", async () => {
  const old = at("old-backup");
  mkdirSync(old);
  copyFileSync(join(PACKAGE_ROOT, "test/fixtures/before/survey/skyloop.db"), join(old, "skyloop.db"));
  const sha256 = await hashFile(join(old, "skyloop.db"));
  const { dataHash } = JSON.parse(readFileSync(join(survey, "survey.json"), "utf8"));
  const about = { format: "skyloop-backup", version: 1, createdAt: "2026-01-01T00:00:00.000Z" };
  const files = [{ name: "skyloop.db", sha256 }];
  writeFileSync(
    join(old, "backup.json"),
    JSON.stringify({ ...about, survey: { name: "galaxies", dataHash }, sessions: [], files }),
  );
  await skyloop("restore", old, survey, "--replace");
  expect(await sessionsIn(survey)).toMatchObject([[{ session: "ring-galaxies" }, { length: 3 }, { length: 1 }]]);
  expect(await hashFile(join(old, "skyloop.db"))).toBe(sha256);
});

it("a backup that is damaged, newer, of other objects or none is refused by name, and nothing is touched", async () => {
  const before = await sessionsIn(survey);
  const refused = async (code: string, change: (backup: string) => void) => {
    const broken = at(code);
    cpSync(at("backup"), broken, { recursive: true });
    change(broken);
    await expect(skyloop("restore", broken, survey, "--replace")).rejects.toMatchObject({ code });
    rmSync(broken, { recursive: true });
  };
  const rewrite = (change: (about: Record<string, unknown>) => void) => (backup: string) => {
    const about = JSON.parse(readFileSync(join(backup, "backup.json"), "utf8"));
    change(about);
    writeFileSync(join(backup, "backup.json"), JSON.stringify(about));
  };
  await refused("BACKUP_BROKEN", (backup) => appendFileSync(join(backup, "skyloop.db"), "x"));
  await refused("BACKUP_BROKEN", (backup) => rmSync(join(backup, "loop/rings.scores")));
  await refused(
    "BACKUP_BROKEN",
    rewrite((about) => Object.assign(about, { files: [{ name: "../x", sha256: "" }] })),
  );
  await refused(
    "BACKUP_BROKEN",
    rewrite((about) => delete about.sessions),
  );
  await refused(
    "BACKUP_NEWER",
    rewrite((about) => Object.assign(about, { version: 2 })),
  );
  await refused("BACKUP_MISSING", (backup) => rmSync(join(backup, "backup.json")));
  await refused(
    "BACKUP_OF_ANOTHER",
    rewrite((about) => Object.assign(about, { survey: { name: "x", dataHash: "y" } })),
  );
  expect(await sessionsIn(survey)).toEqual(before);
  expect(existsSync(join(survey, "skyloop.db"))).toBe(true);
});
