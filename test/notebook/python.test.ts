/** skyloop.py through the system's Python: the same session as the page's, live both ways. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Page, SessionEvent, SessionState } from "../../src/contract/api.ts";
import { replaySession } from "../../src/loop/replay.ts";
import { Workbench } from "../../src/loop/workbench.ts";
import { temporaryFolder } from "../fixtures/surveys.ts";
import { CLIENT, proxyTo, pythonHas, runPython, serveOn, surveyWithFeatures, talkToPython } from "./world.ts";

const folder = temporaryFolder();
let survey: string;
let app: FastifyInstance;
let address: string;
let proxy: { server: Server; address: string };
beforeAll(async () => {
  survey = await surveyWithFeatures(folder.path, 60);
  ({ app, address } = await serveOn(survey));
  proxy = await proxyTo(address, "/user/ann/proxy/8420/", 1200);
});
afterAll(async () => {
  proxy.server.close();
  await app.close();
  folder.remove();
});

const id = (n: number) => `sim-${String(n).padStart(6, "0")}`;
const ask = async <T>(path: string, body?: object): Promise<T> => {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`${address}/api${path}`, body === undefined ? {} : init);
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return (await answer.json()) as T;
};
const begin = (target: string) =>
  `import skyloop, json\nsky = skyloop.connect("${address}", who="ann")\ns = sky.search("${target}", like=["${id(1)}", "${id(2)}"], not_like=["${id(3)}"], page_size=6)\n`;

describe("the file", () => {
  it("is what the server gives, of at most 400 lines, and needs only Python 3.8's own library", async () => {
    const text = readFileSync(CLIENT, "utf8");
    expect(await (await fetch(`${address}/client/skyloop.py`)).text()).toBe(text);
    expect(text.split("\n").length).toBeLessThanOrEqual(401);
    const { out, err } = await runPython(
      `import ast, sys
text = open("${CLIENT}").read()
tree = ast.parse(text, feature_version=(3, 8))
ast.parse(text, feature_version=(3, 7))  # or 3.7 would not come as far as to say what it needs
top = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
names = {a.name.split(".")[0] for n in top for a in n.names}
print(sorted(names - set(getattr(sys, "stdlib_module_names", names))))`,
    );
    expect(out, err).toBe("[]\n");
  });

  it("says which Python it needs", async () => {
    const { code, err } = await runPython("import sys\nsys.version_info = (3, 7, 9)\nimport skyloop");
    expect(code).toBe(1);
    expect(err).toContain("PYTHON_TOO_OLD: skyloop.py needs Python 3.8 or later, this is 3.7; choose another kernel");
  });
});

it("has all verbs of the page", async () => {
  const { out, err, code } = await runPython(`${begin("all verbs")}
import io, struct
shown = sky.browse("demo", 5)
page = s.next()
page.yes(1, 2).no(3).unsure(4).tag("ring", 1)
s.yes("${id(9)}"); s.clear("${id(9)}")
after = page.no("rest")
s.undo(); s.redo()
state = s.state()
values = {one: state["labels"].get(one, {}).get("value") for one in page.objects}
pixels = s.pixels(1)
table = s.table("plain")
print(json.dumps({
  "surveys": sky.surveys(), "sessions": sky.session().column("session"), "again": repr(sky.session(s.name)),
  "browsed": len(shown.objects), "picked": shown.pick(1) == shown.objects[:1], "values": list(values.values()),
  "tags": state["labels"][page.objects[0]]["tags"], "same": after is page, "html": page._repr_html_(),
  "text": repr(page), "alpha": [s.alpha(), s.alpha(0.8), s.alpha()], "second": s.next().round,
  "ranking": [s.ranking(3).column("rank"), len(s.ranking(4, pictures=True).objects)],
  "labelled": len(s.ranking(50, label="positive")), "rows": len(table), "first": table[0],
  "why": [len(s.why(1).objects), s.why(page.objects[0]).score], "near": s.neighbours(1, 4)._repr_html_().count("data:image/webp"),
  "picture": s.picture(1, 64)[:4].decode(), "pixels": [pixels.shape, pixels.bands, pixels.unit, len(pixels.data)],
  "parameters": sorted(s.parameters(1))[:2], "export": open(s.export("${join(folder.path, "out.vot")}")).read()[:5],
  "link": s.open(), "wait": s.wait().round, "page": s.page().round}))`);
  expect(code, err).toBe(0);
  const found = JSON.parse(out);
  expect(found.surveys).toEqual([
    { survey: "demo", title: "Simulated galaxies", objects: 60, kind: "flux", features: "toy" },
  ]);
  expect(found).toMatchObject({
    sessions: expect.arrayContaining(["all-verbs"]),
    again: "session all-verbs (all verbs): round 1, 4 yes, 4 no",
    browsed: 5,
    picked: true,
    values: ["positive", "positive", "negative", "unsure", "negative", "negative"],
    tags: ["ring"],
    same: true,
    alpha: [0.5, 0.8, 0.8],
    second: 2,
    ranking: [[1, 2, 3], 4],
    labelled: 4,
    rows: 60,
    near: 4,
    picture: "RIFF",
    pixels: [[3, 64, 64], ["g", "r", "z"], "nanomaggy", 3 * 64 * 64],
    parameters: ["columns", "decDeg"],
    export: "<?xml",
    wait: 2,
    page: 2,
  });
  expect(found.first).toMatchObject({ id: expect.stringMatching(/^sim-/), score: expect.any(Number) });
  expect(found.why[0]).toBeGreaterThan(0);
  expect(found.html.match(/data:image\/webp/g)).toHaveLength(6);
  expect(found.html).toContain("yes (ann)");
  expect(found.text).toContain("all-verbs, round 1, as ann");
  expect(found.link).toContain(`href="${address}/session/all-verbs"`);
  expect(err).toMatch(/FRAME_REFUSED: .*--notebook/);
});

describe("the whole ranking as a table", () => {
  it.skipIf(!pythonHas("astropy"))("of astropy, with units, and of FITS as astropy reads it", async () => {
    const { out, err, code } = await runPython(`${begin("as astropy's")}
from astropy.table import Table
s.next().yes(1)
table = s.table("astropy")
written = Table.read(s.export("${join(folder.path, "out.fits")}"))
print(json.dumps([type(table).__name__, len(table), str(table["ra"].unit), str(table["dec"].unit),
  sorted(one for one in set(map(str, table["label"])) if one), len(written), written.colnames == table.colnames]))`);
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toEqual(["Table", 60, "deg", "deg", ["negative", "positive"], 60, true]);
  });

  it.skipIf(!pythonHas("pandas"))("of pandas, which is the one that comes unasked", async () => {
    const { out, err, code } = await runPython(`${begin("as pandas'")}
s.next().yes(1)
table = s.table()
print(json.dumps([type(table).__name__, len(table), str(table["score"].dtype), int((table["label"] == "positive").sum())]))`);
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toEqual(["DataFrame", 60, "float64", 3]);
  });
});

describe("the same session as the page's", () => {
  const bare = (events: SessionEvent[]) =>
    events.map(({ who, round, kind, object, value, reason }) => ({ who, round, kind, object, value, reason }));

  it("has the same events whoever gives them, and replays bit for bit", async () => {
    const { out, err } = await runPython(`${begin("by notebook")}
page = s.next()
page.yes(1, 3).no(2)
s.undo()
page.no(2, 4).tag("dust", 4)
s.next(alpha=0.9).yes(1)
s.next()
print(s.name)`);
    expect(out.trim(), err).toBe("by-notebook");
    const { session } = await ask<SessionState>("/sessions", {
      survey: "demo",
      model: "toy",
      target: "by page",
      pageSize: 6,
      who: "ann",
      positive: [id(1), id(2)],
      negative: [id(3)],
    });
    const at = `/sessions/${session}`;
    const click = (key: string, objects: string[], change: object) =>
      ask(`${at}/labels`, {
        who: "ann",
        labels: objects.map((object, i) => ({ object, clientKey: `${key}/${i}`, ...change })),
      });
    const [, first, second, , fourth] = [
      "",
      ...(await ask<Page>(`${at}/rounds`, { who: "ann", seen: 0 })).picks.map(({ object }) => object),
    ].map((object) => object);
    const third = (await ask<SessionState>(at)).page?.picks[2].object as string;
    await click("a", [first, third], { value: "positive" });
    await click("b", [second], { value: "negative" });
    await ask(`${at}/undo`, { who: "ann", clientKey: "c" });
    await click("d", [second, fourth], { value: "negative" });
    await click("e", [fourth], { addTag: "dust" });
    const next = await ask<Page>(`${at}/rounds`, { who: "ann", seen: 1, alpha: 0.9 });
    await click("f", [next.picks[0].object], { value: "positive" });
    await ask(`${at}/rounds`, { who: "ann", seen: 2 });
    const [mine, pages] = await Promise.all(
      ["by-notebook", session].map((one) => ask<SessionEvent[]>(`/sessions/${one}/events`)),
    );
    expect(mine.every(({ kind, clientKey, reason }) => kind === "alpha" || reason === "start" || clientKey)).toBe(true);
    const undone = (events: SessionEvent[]) =>
      bare(events).map((event) => (event.kind === "undo" ? { ...event, value: "" } : event));
    expect(undone(mine)).toEqual(undone(pages));

    const bench = await Workbench.open(survey);
    const replayed = await replaySession(bench.store, bench.survey, (await bench.features("toy")).space, "by-notebook");
    await bench.close();
    expect(replayed.map(({ round, same }) => [round, same])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  it("shows a label of one to the other within a second", async () => {
    const python = talkToPython(`${begin("live")}
import sys, time
page = s.next()
print(json.dumps(s.name), flush=True)
for line in sys.stdin:
    what, object = line.split() if line.strip() else (None, None)
    if what is None:
        continue
    if what == "give":
        began = time.time()
        s.yes(object)
        print(began * 1000, flush=True)
    else:
        while s.state()["labels"].get(object, {}).get("value") != "negative":
            time.sleep(0.01)
        print(time.time() * 1000, flush=True)`);
    const session = JSON.parse(await python.ask("")) as string;
    const stream = await fetch(`${address}/api/sessions/${session}/stream`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const seen = new Map<string, number>();
    const listening = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read())
        for (const [, object] of Buffer.from(part.value)
          .toString()
          .matchAll(/"object":"(sim-\d+)","value":"positive"/g))
          seen.set(object, Date.now());
    })();
    const delays: number[] = [];
    for (let n = 5; n < 30; n++) {
      const began = Number(await python.ask(`give ${id(n)}`));
      while (!seen.has(id(n))) await new Promise((resolve) => setTimeout(resolve, 2));
      delays.push((seen.get(id(n)) as number) - began);
    }
    for (let n = 30; n < 55; n++) {
      const began = Date.now();
      await ask(`/sessions/${session}/labels`, { who: "bob", labels: [{ object: id(n), value: "negative" }] });
      delays.push(Number(await python.ask(`see ${id(n)}`)) - began);
    }
    python.end();
    await reader.cancel();
    await listening;
    const p95 = delays.sort((a, b) => a - b)[Math.floor(0.95 * delays.length)];
    expect(delays).toHaveLength(50);
    expect(p95).toBeLessThan(1000);
  });

  it("undoes on the page only what the same person did", async () => {
    await runPython(`${begin("undo")}\ns.next().yes(1)`);
    const undo = (who: string) =>
      fetch(`${address}/api/sessions/undo/undo`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ who }),
      });
    expect(await (await undo("bob")).json()).toMatchObject({ code: "NOTHING_TO_UNDO" });
    expect((await undo("ann")).status).toBe(200);
    const { labels } = await ask<SessionState>("/sessions/undo");
    expect(Object.values(labels).filter(({ reason }) => reason !== "start")).toEqual([]);
  });
});

describe("bad input has a code and a remedy", () => {
  /** Runs a line and gives what it raised or warned of. */
  const said = async (script: string, last: string) => {
    const { out, err } = await runPython(`import warnings
warnings.simplefilter("always")
${script}
def attempt():
${last
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
try:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        attempt()
    print("\\n".join(str(one.message) for one in heard if one.category.__name__ == "SkyloopWarning"))
except skyloop.SkyloopError as error:
    print(error)`);
    expect(err).toBe("");
    return out.trim();
  };

  it("where the server is away, or is another program, or asks for a token", async () => {
    const closed = await said("import skyloop", 'skyloop.connect("http://127.0.0.1:9")');
    expect(closed).toMatch(
      /^SERVER_AWAY: nothing answers at http:\/\/127.0.0.1:9\/ .*`bin\/skyloop serve SURVEY --port 9`/,
    );
    const other = await said("import skyloop", `skyloop.connect("${proxy.address.replace("ann", "bob")}")`);
    expect(other).toMatch(/^NOT_SKYLOOP: .*status 404.*take the address that `skyloop serve` printed/);
    expect(await said("import skyloop", 'skyloop.connect("http://127.0.0.1:99999")')).toMatch(
      /^BAD_OPTION: .*is no address/,
    );
    const page = createServer((_, answer) => void answer.end("<html>another program</html>"));
    await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
    const { port } = page.address() as AddressInfo;
    expect(await said("import skyloop", `skyloop.connect("http://127.0.0.1:${port}")`)).toMatch(
      /^NOT_SKYLOOP: .*status 200/,
    );
    page.close();
    const guarded = await serveOn(survey, { token: "secret", frames: ["http://localhost:8888"] });
    const wrong = await said("import skyloop", `skyloop.connect("${guarded.address}/?token=wrong")`);
    expect(wrong).toMatch(/^TOKEN_\w+: .*token.*connect\("http.*token="…"\)/);
    const frame = `s = skyloop.connect("${guarded.address}/#token=secret").search("frame", like=["${id(1)}"])
assert s.open() == '<iframe src="${guarded.address}/session/frame#token=secret" style="border:0;width:100%;height:720px"></iframe>', s.open()`;
    expect(await said("import skyloop", frame)).toBe("");
    await guarded.app.close();
  });

  it("for what unlabelled objects cannot be, and none for what they can", async () => {
    const sky = `import skyloop\nsky = skyloop.connect("${address}", who="ann")\nlike = ["${id(1)}"]\n`;
    expect(await said(sky, 'sky.search("never", like, unlabelled="never")')).toMatch(/^BAD_REQUEST: .*unlabelled/);
    expect(
      await said(sky, 'assert sky.search("finds", like, unlabelled="always").state()["unlabelled"] == "always"'),
    ).toBe("");
    expect(await said(sky, 'assert sky.search("fades", like).state()["unlabelled"] == "fading"')).toBe("");
  });

  it("for names and numbers that are not there, naming those that are", async () => {
    const sky = `import skyloop\nsky = skyloop.connect("${address}", who="ann")\n`;
    expect(await said(sky, 'sky.session("nothing")')).toMatch(/^SESSION_UNKNOWN: no session nothing .*there are /);
    expect(await said(begin("numbers"), "s.next().yes(99)")).toBe(
      "NUMBER_UNKNOWN: [99] are not on this page; numbers go from 1 to 6",
    );
    expect(await said(begin("numbers"), "s.next().yes(1.5)")).toMatch(/^NUMBER_UNKNOWN: \[1.5\] are not on this page/);
    expect(await said(begin("numbers"), 's.export("found.xlsx")')).toBe(
      "BAD_OPTION: export writes .csv, .parquet, .fits, .vot, .xml, not .xlsx",
    );
    expect(await said(sky, 'sky.browse("demo", sort="highest")')).toMatch(/^BAD_OPTION: browse: sort .*column=/);
    expect(await said(begin("numbers"), 's.yes("sim-999999")')).toMatch(/^OBJECT_UNKNOWN: .*sim-999999/);
    expect(await said(begin("numbers"), 's.table("excel")')).toMatch(/^BAD_OPTION: /);
    expect(await said(begin("numbers"), "s.page()")).toMatch(/^NOT_RANKED: .*next\(\) makes it/);
  });

  it("for labels of one class only, and tables of packages that are missing", async () => {
    const one = `import skyloop\nsky = skyloop.connect("${address}", who="ann")\ns = sky.search("all", like=["sim-%06d" % (n + 1) for n in range(60)])`;
    expect(await said(one, "s.next()")).toMatch(/^ONE_CLASS_LABELLED: .*label some more/);
    const without = `import sys\nsys.modules["pandas"] = sys.modules["astropy"] = None\n${begin("tables")}`;
    expect(await said(without, 's.table("pandas")')).toBe(
      "PANDAS_MISSING: pandas is not installed; this is a plain table instead, a list of rows",
    );
    expect(await said(without, 's.table("astropy")')).toMatch(/^ASTROPY_MISSING: /);
    expect(await said(without, "assert len(s.table()) == 60")).toBe("");
  });

  it("on a page that is no longer the last: nothing is labelled, and the page of now is the answer", async () => {
    const two = `${begin("stale")}\nother = skyloop.connect("${address}", who="bob").session("stale")\nold = s.next()\nother.next(); other.next()`;
    const told = await said(two, "now = old.yes(1)\nassert now.round == 2 and now.objects != old.objects\nnow.yes(1)");
    expect(told).toMatch(/^PAGE_STALE: .*nothing was labelled/);
    const { labels } = await ask<SessionState>("/sessions/stale");
    expect(Object.values(labels).filter(({ reason }) => reason !== "start")).toHaveLength(1);
  });

  it("where two notebooks work under one name", async () => {
    const two = `${begin("same name")}\nother = skyloop.connect("${address}", who="ann").session("same-name")\ns.yes("${id(7)}")`;
    expect(await said(two, `other.no("${id(8)}")\nother.no("${id(9)}")`)).toMatch(
      /^SAME_WHO: another notebook labels as ann too.*connect with another who$/,
    );
  });

  it("when the kernel is interrupted during next(): the round goes on, and wait() gets it", async () => {
    const { out, err, code } = await runPython(`import signal, skyloop
sky = skyloop.connect("${proxy.address}", who="ann")
s = sky.search("interrupted", like=["${id(1)}"], page_size=6)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    s.next()
except skyloop.SkyloopError as error:
    print(error)
print(s.wait().round, sky.session("interrupted").state()["round"])`);
    expect(code, err).toBe(0);
    expect(out.trim().split("\n")).toEqual([
      "ROUND_GOING: interrupted; the round goes on, and wait() gets its page",
      "1 1",
    ]);
  });
});
