/** Passwords and tokens: what is kept of them tells nobody what they are. */
import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { SkyloopError } from "./errors.ts";

/** scrypt's cost: 2^15 blocks of 8, three times (OWASP's parameters); memory is 128 r N bytes. */
const COST = { logN: 15, r: 8, p: 3 };
const BYTES = 32;
const SHORTEST = 8;

interface Cost {
  logN: number;
  r: number;
  p: number;
}

function derive(password: string, salt: Buffer, { logN, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** logN;
  return new Promise((resolve, reject) =>
    // Node's own limit of memory is below what these parameters need.
    scrypt(password.normalize("NFKC"), salt, BYTES, { N, r, p, maxmem: 2 * 128 * N * r }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  );
}

/**
 * What is kept of a password, `scrypt$logN$r$p$salt$key`; `cost` for tests only. Throws PASSWORD_WEAK with fewer than
 * eight characters.
 */
export async function hashPassword(password: string, cost: Cost = COST): Promise<string> {
  if (password.length < SHORTEST)
    throw new SkyloopError("PASSWORD_WEAK", `a password has at least ${SHORTEST} characters; choose a longer one`);
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.logN, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

const NOBODY = `scrypt$${COST.logN}$${COST.r}$${COST.p}$${randomBytes(16).toString("base64url")}$`;

/** Whether a password is the one of `kept`. Where there is none the answer takes as long. */
export async function isPassword(password: string, kept: string | null): Promise<boolean> {
  const [, logN, r, p, salt, key] = (kept ?? NOBODY).split("$");
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const derived = await derive(password, Buffer.from(salt, "base64url"), cost);
  const wanted = Buffer.from(key, "base64url");
  return wanted.length === derived.length && timingSafeEqual(wanted, derived);
}

/** A token that nobody guesses, for addresses, cookies and headers. */
export const newToken = (): string => randomBytes(32).toString("base64url");

/** SHA-256 of a token as hexadecimal digits: all that the database holds of it. */
export const tokenHash = (token: string): string => createHash("sha256").update(token).digest("hex");
