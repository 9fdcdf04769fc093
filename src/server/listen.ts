import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { codeOf, SkyloopError } from "../base/errors.ts";
import { type Accounts, openAccounts } from "../store/accounts.ts";
import { buildServer } from "./app.ts";
import { hostNamesOf, isLocal, originOf, pathPrefix } from "./doors.ts";
import { SingleSignOn } from "./people/single.ts";

/** Where to listen, and what to serve. */
export interface ListenOptions {
  surveys: string[];
  heads?: string[];
  host: string;
  port: number;
  hostNames?: string[];
  /** Path that a proxy puts before every address, such as /user/ann/proxy/8420/. */
  basePath?: string;
  /** Origins of notebooks whose pages may show this one in a frame. */
  notebooks?: string[];
  /** Ask for a token even where only this machine can connect, for machines that others use too. */
  askToken?: boolean;
  /** Let other machines connect although there are no accounts: whoever has the printed address may do everything. */
  open?: boolean;
}

/**
 * Starts the server and returns it with its address. Ctrl-C and SIGTERM end it cleanly. Throws PORT_IN_USE, BAD_OPTION,
 * AUTH_MISSING.
 */
export async function serve({
  surveys,
  heads,
  host,
  port,
  hostNames = [],
  basePath = "/",
  notebooks = [],
  askToken = false,
  open = false,
}: ListenOptions): Promise<{ app: FastifyInstance; address: string }> {
  const names = hostNamesOf(host);
  const path = pathPrefix(basePath);
  const frames = notebooks.map(originOf);
  const accounts = await accountsFor(host, open);
  const token = accounts !== null || (isLocal(host) && !askToken) ? undefined : randomBytes(18).toString("base64url");
  const app = await buildServer({
    surveys,
    heads,
    hostNames: [...hostNames, ...names],
    token,
    basePath: path,
    frames,
    accounts,
    single: accounts === null ? null : SingleSignOn.fromEnvironment(),
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
  const address = `http://${name}:${listening}${path === "/" && token === undefined ? "" : path}${token === undefined ? "" : `?token=${token}`}`;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void app.close().then(() => process.exit(signal === "SIGINT" ? 130 : 0)));
  return { app, address };
}

/** The accounts that people must have, where there are any. Throws AUTH_MISSING where others can connect without. */
async function accountsFor(host: string, open: boolean): Promise<Accounts | null> {
  const accounts = await openAccounts();
  if (accounts !== null && (await accounts.any())) return accounts;
  await accounts?.close();
  if (isLocal(host) || open) return null;
  throw new SkyloopError(
    "AUTH_MISSING",
    `other machines can connect to ${host}, and there are no accounts; ${accounts === null ? "set DATABASE_URL and " : ""}make one with \`skyloop user add NAME --role owner\`, or say --open: then whoever has the address that is printed may read and label`,
  );
}
