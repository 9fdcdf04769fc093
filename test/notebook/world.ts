/** A server over a small survey, and programs in Python that work on it through skyloop.py. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FastifyInstance } from "fastify";
import { PACKAGE_ROOT } from "../../src/base/paths.ts";
import { buildServer, type ServerOptions } from "../../src/server/app.ts";
import { featuredSurvey } from "../fixtures/surveys.ts";

export const CLIENT = join(PACKAGE_ROOT, "src/notebook/skyloop.py");
/** The system's Python: one that a version manager puts before it has none of the system's packages. */
export const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
/** What executes a notebook without a browser. */
export const NBCONVERT = ["/usr/bin/jupyter-nbconvert", "/opt/homebrew/bin/jupyter-nbconvert"].find(existsSync);

/** Whether the system's Python has a package. */
export const pythonHas = (name: string): boolean =>
  spawnSync(PYTHON, ["-c", `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`])
    .status === 0;

/** A survey of `count` small stamps whose face-on spirals lie apart; answers its folder. */
export const surveyWithFeatures = (folder: string, count: number): Promise<string> =>
  featuredSurvey(folder, count, (_, { faceOnSpiral }) => faceOnSpiral === true, "demo");

/** Serves a survey on a port that the system gives. */
export async function serveOn(
  survey: string,
  options: Partial<ServerOptions> = {},
): Promise<{ app: FastifyInstance; address: string }> {
  const app = await buildServer({ surveys: [survey], ...options });
  return { app, address: await app.listen({ host: "127.0.0.1", port: 0 }) };
}

/** A proxy that puts `prefix` before a server's addresses and holds requests for rounds back for `holdMs`. */
export async function proxyTo(
  address: string,
  prefix: string,
  holdMs: number,
): Promise<{ server: Server; address: string }> {
  const target = new URL(address);
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? "").slice(prefix.length - 1);
    if (!incoming.url?.startsWith(prefix)) return void outgoing.writeHead(404).end("another place");
    const headers = { ...incoming.headers, host: target.host };
    const pass = () => {
      const asked = request(
        { port: target.port, host: "127.0.0.1", path, method: incoming.method, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      // Whoever asked may have gone: what was begun goes on.
      for (const end of [asked, outgoing]) end.on("error", () => outgoing.destroy());
      incoming.pipe(asked);
    };
    setTimeout(pass, path.endsWith("/rounds") ? holdMs : 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { server, address: `http://127.0.0.1:${port}${prefix}` };
}

const startPython = (script: string): ChildProcessWithoutNullStreams =>
  spawn(PYTHON, ["-W", "always", "-c", script], {
    env: { PATH: process.env.PATH, PYTHONPATH: join(PACKAGE_ROOT, "src/notebook"), PYTHONDONTWRITEBYTECODE: "1" },
  });

/** Runs a script of Python to its end. */
export function runPython(script: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = startPython(script);
    let [out, err] = ["", ""];
    child.stdout.on("data", (part) => (out += part));
    child.stderr.on("data", (part) => (err += part));
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** A script of Python that answers a line for each line that it is given. */
export function talkToPython(script: string): { ask(line: string): Promise<string>; end(): void } {
  const child = startPython(script);
  child.stderr.pipe(process.stderr);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async ask(line) {
      child.stdin.write(`${line}\n`);
      return (await lines.next()).value as string;
    },
    end: () => void child.kill(),
  };
}
