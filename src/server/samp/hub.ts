/** The running SAMP hub of this user (TOPCAT, Aladin or another starts one), by the standard profile. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { decodeResponse, encodeCall, type SampValue } from "./xmlrpc.ts";

const TIMEOUT_MS = 5000;
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** Where a hub listens, and what it asks of those who register. */
export interface HubAddress {
  url: string;
  secret: string;
}

/** The hub that the lock file names (SAMP_HUB, else ~/.samp); null where there is none, or it is on another machine. */
export function findHub(environment: NodeJS.ProcessEnv = process.env): HubAddress | null {
  const given = /^std-lockurl:(.+)$/.exec(environment.SAMP_HUB ?? "")?.[1];
  // Lock files elsewhere would be read over the network: not here.
  if (given !== undefined && !given.startsWith("file:")) return null;
  const path = given === undefined ? join(homedir(), ".samp") : fileURLToPath(given);
  if (!existsSync(path)) return null;
  const values = new Map(
    readFileSync(path, "utf8")
      .split(/\r?\n/)
      .flatMap((line) => {
        const match = /^\s*([\w.]+)=(.*)$/.exec(line);
        return match === null ? [] : [[match[1], match[2].trim()] as [string, string]];
      }),
  );
  const [url, secret] = [values.get("samp.hub.xmlrpc.url"), values.get("samp.secret")];
  if (url === undefined || secret === undefined || !URL.canParse(url)) return null;
  return LOOPBACK.includes(new URL(url).hostname) ? { url, secret } : null;
}

/** Calls a hub's method. Throws SAMP_FAILED. */
export async function callHub({ url }: HubAddress, method: string, params: SampValue[]): Promise<SampValue> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "text/xml" },
      body: encodeCall(method, params),
      // A hub is asked, and nobody whom it might name instead.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return decodeResponse(await response.text());
  } catch (cause) {
    throw new SkyloopError(
      "SAMP_FAILED",
      `the SAMP hub at ${url} does not do ${method}: ${messageOf(cause)}; start TOPCAT or Aladin again`,
      { cause },
    );
  }
}
