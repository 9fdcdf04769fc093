import type { FastifyInstance } from "fastify";
import { codeOf, SkyloopError } from "../base/errors.ts";
import { buildServer } from "./app.ts";

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
  const app = await buildServer({
    surveys,
    heads,
    hostNames: [...hostNames, ...(host === "0.0.0.0" || host === "::" ? [] : [host])],
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
  const address = `http://${host}:${typeof bound === "object" && bound !== null ? bound.port : port}`;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void app.close().then(() => process.exit(signal === "SIGINT" ? 130 : 0)));
  return { app, address };
}
