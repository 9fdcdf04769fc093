import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/fixtures/surveys.ts";
import { PACKAGE_ROOT } from "../base/paths.ts";
import { openStore, type SessionSettings } from "./store.ts";

const SETTINGS: SessionSettings = {
  survey: "s",
  model: "m",
  weightsHash: "w",
  dataHash: "d",
  target: "t",
  alpha: 0.5,
  pageSize: 10,
  randomPicks: 1,
  seed: 1,
  createdBy: "a",
};
const label = (object: string, clientKey: string | null = null) => ({
  who: "a",
  round: 0,
  kind: "label" as const,
  object,
  value: "positive",
  reason: null,
  clientKey,
});
const folders: ReturnType<typeof temporaryFolder>[] = [];
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  folders.push(folder);
});
afterAll(() => {
  for (const one of folders) one.remove();
});

function writer(who: string, count: number) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(PACKAGE_ROOT, "test/fixtures/label-writer.mts"), folder.path, "t", who, String(count)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: PACKAGE_ROOT,
    },
  );
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part;
  });
  return { child, acknowledged: () => text.split("\n").slice(0, -1).map(Number) };
}

describe("store", () => {
  it("keeps events in order, once for each client key, and never changes or deletes them", () => {
    const store = openStore(folder.path);
    store.addSession("t", SETTINGS);
    const [first] = store.addEvents("t", [label("a", "k1")]);
    const [again, second] = store.addEvents("t", [label("a", "k1"), label("b")]);
    expect(again).toEqual(first);
    expect(second.seq).toBeGreaterThan(first.seq);
    expect(store.events("t", first.seq)).toEqual([second]);
    expect(() => store.addEvents("none", [label("a")])).toThrow(/FOREIGN KEY/i);
    store.close();
    const again2 = openStore(folder.path);
    expect(again2.events("t")).toHaveLength(2);
    expect(again2.session("t")).toMatchObject(SETTINGS);
    again2.close();
  });

  it("loses no acknowledged label to kill -9, at any moment", async () => {
    const store = openStore(folder.path);
    store.addSession("t", SETTINGS);
    for (let attempt = 0; attempt < 4; attempt++) {
      const { child, acknowledged } = writer(`w${attempt}`, 100_000);
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 30 + 45 * attempt));
      child.kill("SIGKILL");
      await once(child, "close");
      const known = new Set(store.events("t").map(({ seq }) => seq));
      expect(acknowledged().length).toBeGreaterThan(0);
      for (const seq of acknowledged()) expect(known.has(seq)).toBe(true);
    }
    store.close();
  });

  it("takes two writers at once", async () => {
    const store = openStore(folder.path);
    store.addSession("t", SETTINGS);
    const writers = [writer("a", 60), writer("b", 60)];
    await Promise.all(writers.map(({ child }) => once(child, "close")));
    for (const { child, acknowledged } of writers) expect([child.exitCode, acknowledged().length]).toEqual([0, 60]);
    expect(store.events("t")).toHaveLength(120);
    store.close();
  });

  it("says what is wrong with a broken file", () => {
    writeFileSync(
      join(folder.path, "skyloop.db"),
      "this is no database at all, not even a little bit of one".repeat(40),
    );
    expect(() => openStore(folder.path)).toThrow(/restore it from a copy/);
  });
});
