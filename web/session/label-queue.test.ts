import { describe, expect, it } from "vitest";
import type { NewLabel, Saved } from "../../src/contract/api.ts";
import { ApiFailure } from "../client/http.ts";
import { type Failure, LabelQueue, type Trouble } from "./label-queue.ts";
import { type Op, overlayOf, type Pending } from "./pending.ts";

const failure = (code: string, status: number, message = code): Failure => ({ code, status, message, offline: false });
const OFFLINE: Failure = { code: "OFFLINE", status: 0, message: "the server does not answer", offline: true };

/** A server that keeps labels by key, as the real one does, and fails as it is told. */
class Server {
  readonly labels: { object: string; value: string; key: string; undone: boolean }[] = [];
  readonly asked: string[] = [];
  /** What the next requests come to; `lost`: it is written, and the answer gets lost. */
  fails: (Failure | "lost")[] = [];
  unknown = new Set<string>();
  readonly #steps = new Set<string>();

  async answer(name: string, write: () => void): Promise<Saved> {
    this.asked.push(name);
    await Promise.resolve();
    const fail = this.fails.shift();
    if (fail !== undefined && fail !== "lost") throw new ApiFailure(fail);
    write();
    if (fail === "lost") throw new ApiFailure(OFFLINE);
    const done = this.labels.filter(({ undone }) => !undone).length;
    return {
      events: [],
      labels: {},
      boxes: {},
      conflicts: [],
      rounds: [],
      canUndo: done > 0,
      canRedo: done < this.labels.length,
      lastSeq: 0,
    };
  }

  write(labels: NewLabel[]): void {
    const known = new Set(this.labels.map(({ key }) => key));
    for (const { object } of labels)
      if (this.unknown.has(object)) throw new ApiFailure(failure("OBJECT_UNKNOWN", 404, `no object ${object}`));
    for (const { object, value, clientKey } of labels)
      if (!known.has(clientKey as string))
        this.labels.push({ object, value: value as string, key: clientKey as string, undone: false });
  }

  step(kind: "undo" | "redo", key: string): void {
    if (this.#steps.has(key)) return;
    const one =
      kind === "undo" ? this.labels.findLast(({ undone }) => !undone) : this.labels.find(({ undone }) => undone);
    if (one === undefined) throw new ApiFailure(failure(`NOTHING_TO_${kind.toUpperCase()}`, 409));
    const [action] = one.key.split("/");
    for (const label of this.labels) if (label.key.startsWith(`${action}/`)) label.undone = kind === "undo";
    this.#steps.add(key);
  }

  get standing(): string[] {
    return this.labels.flatMap(({ object, undone }) => (undone ? [] : [object]));
  }
}

function rig() {
  const server = new Server();
  const timers: { ms: number; then(): void }[] = [];
  const seen: { pending: Pending; trouble: Trouble | null } = {
    pending: { ops: [], refused: [], done: [], undone: [] },
    trouble: null,
  };
  let kept: readonly Op[] = [];
  const queue = new LabelQueue({
    labels: (_who, labels) =>
      server.answer(`label ${labels.map(({ object }) => object).join("")}`, () => server.write(labels)),
    step: (kind, _who, key) => server.answer(kind, () => server.step(kind, key)),
    failureOf: (error) => error as Failure,
    keep: (ops) => {
      kept = ops;
    },
    later: (ms, then) => {
      timers.push({ ms, then });
      return () => {};
    },
    onSaved: () => {},
    onPending: (pending, trouble) => Object.assign(seen, { pending, trouble }),
  });
  let count = 0;
  const shown = () => {
    const { values } = overlayOf(queue.pending.ops);
    return (object: string) => values.get(object) ?? null;
  };
  return {
    server,
    timers,
    seen,
    kept: () => kept,
    queue,
    label: (objects: string, action = `tab.${count++}`) =>
      queue.add(
        Array.from(objects, (object) => ({ object, value: "positive" as const })),
        "me",
        action,
        shown(),
      ),
    undo: () => queue.step("undo", "me", `tab.${count++}`),
    redo: () => queue.step("redo", "me", `tab.${count++}`),
    shown,
  };
}

describe("what the server could not write", () => {
  it.each([
    ["a full disk", failure("DISK_FULL", 507)],
    ["a broken database", failure("STORE_BROKEN", 500)],
    ["a replaced one", failure("STORE_REPLACED", 409)],
    ["a locked one", failure("STORE_BUSY", 503)],
    ["lost rights", failure("STORE_READ_ONLY", 403)],
    ["an unknown code", failure("SOMETHING_NEW", 400)],
    ["a proxy's page that is no answer of ours", failure("INTERNAL", 404)],
    ["too many requests", failure("BAD_REQUEST", 429)],
    ["nobody at all", OFFLINE],
  ])("%s: stays, is said, and is sent again", async (_name, fail) => {
    const { server, queue, label, seen, kept, timers } = rig();
    server.fails = [fail, fail];
    label("ab");
    await queue.flush();
    expect(seen.pending.ops).toHaveLength(2);
    expect(kept()).toHaveLength(2);
    expect(seen.trouble).toEqual({ code: fail.code, message: fail.message, offline: fail.offline });
    timers[0].then();
    await queue.flush();
    timers[1].then();
    await queue.flush();
    expect(server.standing).toEqual(["a", "b"]);
    expect([seen.pending.ops, seen.trouble, kept()]).toEqual([[], null, []]);
    expect(timers.map(({ ms }) => ms)).toEqual([1000, 2000]);
  });

  it("waits longer and longer, at most ten seconds, and from the start again after a success", async () => {
    const { server, queue, label, timers } = rig();
    server.fails = Array.from({ length: 6 }, () => OFFLINE);
    label("a");
    for (let i = 0; i < 6; i++) {
      await queue.flush();
      timers.at(-1)?.then();
    }
    await queue.flush();
    expect(timers.map(({ ms }) => ms)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
    server.fails = [OFFLINE];
    label("b");
    await queue.flush();
    expect(timers.at(-1)?.ms).toBe(1000);
  });

  it("is written once although its answer got lost", async () => {
    const { server, queue, label, undo } = rig();
    server.fails = ["lost"];
    label("a");
    await queue.flush();
    await queue.flush();
    expect(server.labels.map(({ object }) => object)).toEqual(["a"]);
    server.fails = ["lost"];
    label("b");
    undo();
    await queue.flush();
    await queue.flush();
    expect(server.standing).toEqual(["a"]);
    expect(server.labels).toHaveLength(2);
  });
});

describe("what the server refuses for good", () => {
  it("is shown with its reason and takes no other label with it", async () => {
    const { server, queue, label, seen, kept } = rig();
    server.unknown = new Set("cg");
    label("abcdefgh");
    await queue.flush();
    expect(server.standing.sort()).toEqual(Array.from("abdefh"));
    expect(seen.pending.refused.map(({ op, message }) => [op.object, message])).toEqual([
      ["c", "no object c"],
      ["g", "no object g"],
    ]);
    expect(kept().map((op) => (op.op === "label" ? op.object : op.op))).toEqual(["c", "g"]);
    server.unknown.clear();
    queue.retryRefused();
    await queue.flush();
    expect(server.standing.sort()).toEqual(Array.from("abcdefgh"));
    expect(seen.pending.refused).toEqual([]);
  });

  it("goes only when the person says so", async () => {
    const { server, queue, label, seen, kept } = rig();
    server.unknown = new Set("a");
    label("a");
    await queue.flush();
    queue.discardRefused();
    expect([seen.pending.refused, kept()]).toEqual([[], []]);
  });
});

describe("undo and redo", () => {
  it("of what was never sent ask nothing of the server", async () => {
    const { server, queue, label, undo, redo, shown } = rig();
    server.fails = [failure("DISK_FULL", 507), failure("DISK_FULL", 507)];
    label("ab");
    await queue.flush();
    undo();
    expect([queue.pending.ops, shown()("a")]).toEqual([[], null]);
    redo();
    expect(shown()("a")).toBe("positive");
    await queue.flush();
    await queue.flush();
    expect(server.standing).toEqual(["a", "b"]);
    expect(server.asked.every((asked) => asked === "label ab")).toBe(true);
  });

  it("while the server is away are shown at once and sent in their order", async () => {
    const { server, queue, label, undo, redo, shown } = rig();
    server.fails = Array.from({ length: 9 }, () => OFFLINE);
    for (const object of "abc") {
      label(object);
      await queue.flush();
    }
    undo();
    undo();
    redo();
    expect(["a", "b", "c"].map(shown())).toEqual(["positive", "positive", null]);
    server.fails = [];
    await queue.flush();
    expect(server.standing).toEqual(["a", "b"]);
  });

  it("of an action take all of its objects, those of a stroke that went on too", async () => {
    const { server, queue, label, undo, shown } = rig();
    server.fails = Array.from({ length: 4 }, () => failure("STORE_BUSY", 503));
    label("ab", "tab.stroke");
    await queue.flush();
    label("c", "tab.stroke");
    await queue.flush();
    label("d");
    undo();
    undo();
    expect(["a", "b", "c", "d"].map(shown())).toEqual([null, null, null, null]);
    server.fails = [];
    await queue.flush();
    await queue.flush();
    expect(server.standing).toEqual([]);
  });

  it("more often than there is to undo ask and say nothing", async () => {
    const { server, queue, label, undo, seen } = rig();
    label("a");
    for (let i = 0; i < 5; i++) undo();
    await queue.flush();
    expect(server.asked).toEqual(["label a", "undo"]);
    expect([seen.trouble, seen.pending.ops]).toEqual([null, []]);
  });
});

it("takes over what a closed window left behind, before its own", async () => {
  const { server, queue, label } = rig();
  server.fails = [OFFLINE];
  label("b");
  queue.adopt([{ op: "label", object: "a", value: "negative", who: "me", clientKey: "old/0", sent: true }]);
  await queue.flush();
  await queue.flush();
  expect(server.standing).toEqual(["a", "b"]);
});
