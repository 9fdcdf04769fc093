/** Skyloop as a client of a SAMP hub: sends tables and positions to TOPCAT, Aladin, DS9, and hears what they point at. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { callHub, findHub, type HubAddress } from "./hub.ts";
import { decodeCall, encodeResponse, type SampValue } from "./xmlrpc.ts";

const TABLE = "table.load.votable";
const POINT = "coord.pointAt.sky";
const HIGHLIGHT = "table.highlight.row";
const HEARD = [POINT, HIGHLIGHT, "samp.hub.event.shutdown", "samp.hub.disconnect"];
/** Sent tables that can still be fetched; older ones are forgotten. */
const TABLES_KEPT = 4;
const MOST_BYTES = 2 ** 20;

/** Another program at the hub. */
export interface SampPeer {
  id: string;
  name: string;
  tables: boolean;
  positions: boolean;
}

/** What other programs point at. */
export interface SampListener {
  pointed(raDeg: number, decDeg: number): void;
  highlighted(table: string, row: number): void;
}

type SampMap = { [name: string]: SampValue };
const isMap = (value: SampValue | undefined): value is SampMap => typeof value === "object" && !Array.isArray(value);
const mapOf = (value: SampValue | undefined): SampMap => (isMap(value) ? value : {});

/** A connection to this machine's hub, made when it is first needed. Close it at the end. */
export class SampClient {
  readonly #listener: SampListener;
  #hub: HubAddress | null = null;
  #key = "";
  #self = "";
  #server: Server | null = null;
  /** Path below our own server by what it names. */
  readonly #tables = new Map<string, { id: string; file: string }>();
  readonly #path = randomBytes(18).toString("base64url");

  constructor(listener: SampListener) {
    this.#listener = listener;
  }

  get connected(): boolean {
    return this.#hub !== null;
  }

  /** Registers where that has not been done. Throws SAMP_NO_HUB, SAMP_FAILED. */
  async connect(): Promise<void> {
    const hub = findHub();
    // A hub that was started again has another secret.
    if (this.#hub !== null && hub?.secret === this.#hub.secret && (await this.#isKnown())) return;
    await this.#forget();
    if (hub === null)
      throw new SkyloopError(
        "SAMP_NO_HUB",
        "no SAMP hub runs here; start TOPCAT, Aladin or DS9 (or `python3 -m astropy.samp.hub_script`) and try again",
      );
    const registered = mapOf(await callHub(hub, "samp.hub.register", [hub.secret]));
    this.#key = String(registered["samp.private-key"] ?? "");
    this.#self = String(registered["samp.self-id"] ?? "");
    this.#hub = hub;
    await this.#call("declareMetadata", {
      "samp.name": "Skyloop",
      "samp.description.text": "Finds galaxies in a survey with a person in the loop",
    });
    await this.#call("setXmlrpcCallback", `${await this.#listen()}/${this.#path}`);
    await this.#call("declareSubscriptions", Object.fromEntries(HEARD.map((type) => [type, {}])));
  }

  /** The other programs. Throws as `connect`. */
  async peers(): Promise<SampPeer[]> {
    await this.connect();
    const ids = (await this.#call("getRegisteredClients")) as string[];
    const taking = async (type: string) => new Set(Object.keys(mapOf(await this.#call("getSubscribedClients", type))));
    const [tables, positions] = [await taking(TABLE), await taking(POINT)];
    const peers: SampPeer[] = [];
    for (const id of ids) {
      if (id === this.#self || !(tables.has(id) || positions.has(id))) continue;
      const name = mapOf(await this.#call("getMetadata", id))["samp.name"];
      peers.push({
        id,
        name: typeof name === "string" && name !== "" ? name : id,
        tables: tables.has(id),
        positions: positions.has(id),
      });
    }
    return peers;
  }

  /** Sends a VOTable file, which is removed with its folder when it is not needed any more. Returns who was told. */
  async sendTable(id: string, name: string, file: string, to?: string): Promise<string[]> {
    await this.connect();
    const path = `${this.#path}-${randomBytes(9).toString("base64url")}.vot`;
    this.#tables.set(path, { id, file });
    for (const [oldest, { file: old }] of this.#tables) {
      if (this.#tables.size <= TABLES_KEPT) break;
      this.#tables.delete(oldest);
      await rm(dirname(old), { recursive: true, force: true });
    }
    return this.#notify(TABLE, { url: `${await this.#listen()}/${path}`, "table-id": id, name }, to);
  }

  /** Points others at a position. Returns who was told. */
  async sendPosition(raDeg: number, decDeg: number, to?: string): Promise<string[]> {
    await this.connect();
    return this.#notify(POINT, { ra: String(raDeg), dec: String(decDeg) }, to);
  }

  async #notify(type: string, params: SampMap, to: string | undefined): Promise<string[]> {
    const message = { "samp.mtype": type, "samp.params": params };
    if (to === undefined) return (await this.#call("notifyAll", message)) as string[];
    await this.#call("notify", to, message);
    return [to];
  }

  #call(method: string, ...params: SampValue[]): Promise<SampValue> {
    if (this.#hub === null)
      throw new SkyloopError("SAMP_NO_HUB", "the connection to the SAMP hub has ended; try again");
    return callHub(this.#hub, `samp.hub.${method}`, [this.#key, ...params]);
  }

  async #isKnown(): Promise<boolean> {
    return this.#call("getMetadata", this.#self).then(
      () => true,
      () => false,
    );
  }

  /** Starts our own server for the hub's calls and for the tables: on loopback, at paths that nobody can guess. */
  async #listen(): Promise<string> {
    if (this.#server === null) {
      const server = createServer((request, response) => {
        this.#answer(request, response).catch((error) => {
          log.warn({ message: messageOf(error) }, "a SAMP message could not be read");
          response.writeHead(400).end();
        });
      });
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
      server.unref();
      this.#server = server;
    }
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").slice(1);
    const table = this.#tables.get(path);
    if (table !== undefined && (request.method === "GET" || request.method === "HEAD")) {
      response.writeHead(200, { "content-type": "application/x-votable+xml" });
      if (request.method === "HEAD") response.end();
      else
        createReadStream(table.file)
          .on("error", () => response.destroy())
          .pipe(response);
      return;
    }
    if (path !== this.#path || request.method !== "POST") return void response.writeHead(404).end();
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of request) {
      length += (part as Buffer).length;
      if (length > MOST_BYTES) return void response.writeHead(413).end();
      parts.push(part as Buffer);
    }
    const { method, params } = decodeCall(Buffer.concat(parts).toString("utf8"));
    const isCall = method === "samp.client.receiveCall";
    response.writeHead(200, { "content-type": "text/xml" }).end(encodeResponse(""));
    if (params[0] !== this.#key || !(isCall || method === "samp.client.receiveNotification")) return;
    this.#hear(mapOf(params[isCall ? 3 : 2]));
    // Whoever called waits for a word.
    if (isCall) await this.#call("reply", params[2], { "samp.status": "samp.ok", "samp.result": {} }).catch(() => {});
  }

  #hear(message: SampMap): void {
    const { "samp.mtype": type, "samp.params": given } = message;
    const params = mapOf(given);
    const [ra, dec, row] = [Number(params.ra), Number(params.dec), Number(params.row)];
    if (type === POINT && ra >= -180 && ra <= 360 && Math.abs(dec) <= 90) this.#listener.pointed((ra + 360) % 360, dec);
    else if (type === HIGHLIGHT && Number.isInteger(row) && row >= 0) {
      const { url } = params;
      const byUrl =
        typeof url === "string" && URL.canParse(url) ? this.#tables.get(new URL(url).pathname.slice(1))?.id : undefined;
      this.#listener.highlighted(String(params["table-id"] ?? byUrl ?? ""), row);
    } else if (type === "samp.hub.event.shutdown" || type === "samp.hub.disconnect") this.#hub = null;
  }

  async #forget(): Promise<void> {
    if (this.#hub === null) return;
    await this.#call("unregister").catch(() => {});
    this.#hub = null;
  }

  /** Leaves the hub and removes the tables. */
  async close(): Promise<void> {
    await this.#forget();
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = null;
    for (const { file } of this.#tables.values()) await rm(dirname(file), { recursive: true, force: true });
    this.#tables.clear();
  }
}
