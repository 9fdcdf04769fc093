/**
 * Single sign-on by OpenID Connect (authorization code with PKCE), by three settings: OIDC_ISSUER, OIDC_CLIENT_ID,
 * OIDC_CLIENT_SECRET.
 */
import * as oidc from "openid-client";
import { messageOf, SkyloopError } from "../../base/errors.ts";
import { isLocal } from "../doors.ts";

/** What the browser keeps between leaving and coming back; another browser's answer does not fit it. */
export interface Leaving {
  state: string;
  nonce: string;
  verifier: string;
  /** The invitation that is being accepted. */
  invitation: string | null;
  /** What is opened then, from the server's root on, without a slash before it. */
  to: string;
}

/** Who came back. */
export interface Arrival {
  /** Issuer and number there: never given to somebody else. */
  subject: string;
  name: string;
}

/** A provider of identities that accounts may be tied to. */
export class SingleSignOn {
  readonly issuer: string;
  readonly #id: string;
  readonly #secret: string;
  #known: Promise<oidc.Configuration> | null = null;

  constructor(issuer: string, id: string, secret: string) {
    this.issuer = issuer;
    this.#id = id;
    this.#secret = secret;
  }

  /** As the environment says; null where it names no provider. Throws BAD_OPTION where a setting is missing. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env): SingleSignOn | null {
    const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret } = env;
    if (!issuer && !id && !secret) return null;
    if (!issuer || !id || !secret || !URL.canParse(issuer))
      throw new SkyloopError(
        "BAD_OPTION",
        "single sign-on needs OIDC_ISSUER (an address), OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, all three",
      );
    return new SingleSignOn(issuer, id, secret);
  }

  /** What the provider says of itself; asked once, and again after a failure. */
  #configuration(): Promise<oidc.Configuration> {
    const issuer = new URL(this.issuer);
    // Only on this machine without TLS.
    const execute = isLocal(issuer.hostname) ? [oidc.allowInsecureRequests] : [];
    this.#known ??= oidc.discovery(issuer, this.#id, undefined, oidc.ClientSecretBasic(this.#secret), { execute });
    this.#known.catch(() => {
      this.#known = null;
    });
    return this.#known;
  }

  /** Where to send the browser, and what it keeps meanwhile. Throws OIDC_REFUSED. */
  begin(
    back: string,
    { invitation, to }: Pick<Leaving, "invitation" | "to">,
  ): Promise<{ address: string; leaving: Leaving }> {
    return this.#said(async () => {
      const configuration = await this.#configuration();
      const verifier = oidc.randomPKCECodeVerifier();
      const leaving = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier, invitation, to };
      const { href } = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: back,
        scope: "openid profile",
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state: leaving.state,
        nonce: leaving.nonce,
      });
      return { address: href, leaving };
    });
  }

  /** Who came back to this address. Throws OIDC_REFUSED. */
  finish(address: string, { state, nonce, verifier }: Leaving): Promise<Arrival> {
    return this.#said(async () => {
      const tokens = await oidc.authorizationCodeGrant(await this.#configuration(), new URL(address), {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error("no identity in the answer");
      const name = [claims.preferred_username, claims.name, claims.email, claims.sub].find((one) => one) as string;
      return { subject: `${claims.iss} ${claims.sub}`, name: String(name).trim().slice(0, 80) };
    });
  }

  async #said<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (cause) {
      throw new SkyloopError(
        "OIDC_REFUSED",
        `single sign-on at ${this.issuer} failed (${messageOf(cause)}); try again, or check OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and the redirect address`,
        { cause },
      );
    }
  }
}
