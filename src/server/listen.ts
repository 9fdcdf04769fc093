import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { codeOf, SkyloopError } from "../base/errors.ts";
import { buildServer } from "./app.ts";
import { hostNamesOf, isLocal } from "./doors.ts";

/** Where to listen, and what to serve. */
export interface ListenOptions {
  surveys: string[];
  heads?: string[];
  host: string;
  port: number;
  hostNames?: string[];
}

/** Starts the server and returns it with its address. Ctrl-C and SIGTERM end it cleanly. Throws PORT_IN_USE. */
export async function serve({
  surveys,
  heads,
  host,
  port,
  hostNames = [],
}: ListenOptions): Promise<{ app: FastifyInstance; address: string }> {
  const names = hostNamesOf(host);
  const token = isLocal(host) ? undefined : randomBytes(18).toString("base64url");
  const app = await buildServer({
    surveys,
    heads,
    hostNames: [...hostNames, ...names],
    token,
  });
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    if (codeOf(cause) === "EADDRINUSE")
      throw new SkyloopError(
        "PORT_IN_USE",
        `port ${port} is taken, perhaps by Skyloop itself: open http://${host}:${port}, or start with --port ${port + 1}`,
        {
          cause,
        },
      );
    throw cause;
  }
  const bound = app.server.address();
  const listening = typeof bound === "object" && bound !== null ? bound.port : port;
  const name = hostNames[0] ?? names[0];
  const address = `http://${name}:${listening}${token === undefined ? "" : `/?token=${token}`}`;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void app.close().then(() => process.exit(signal === "SIGINT" ? 130 : 0)));
  return { app, address };
}
