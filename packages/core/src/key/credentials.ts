/** Whether a request identifies its client by other means than `Authorization` and cookies: a field that carries a
 * credential or an identity, a client certificate, or a user that middleware has recognised. Decides nothing: what
 * holds for `Authorization` holds for such a request, too. */
import type { RequestHead } from "../base/exchange.js";
import { Recent } from "../base/recent.js";
import { matchesAny } from "../base/path-pattern.js";

/** What the application says about the signs by which its clients are known. */
export interface CredentialRules {
  /** Beside the well-known ones; lower-case, `*` at the end for any rest. */
  readonly fields: readonly string[];
  /** Those of the well-known ones that say nothing about the page. */
  readonly ignore: readonly string[];
  readonly certificate: boolean;
  readonly user: boolean;
}

/** By what they are used for: keys and tokens of APIs; what proxies and gateways say about the logged-in user;
 * certificates that a proxy has verified. */
const CREDENTIAL_FIELDS: readonly string[] = [
  ..."api-key apikey dpop ocp-apim-subscription-key private-token proxy-authorization x-access-token x-amz-security-token".split(
    " ",
  ),
  ..."x-api-key x-api-token x-apikey x-auth-key x-auth-token x-authorization x-id-token x-identity-token".split(" "),
  ..."x-parse-session-token x-rapidapi-key x-session-id x-session-token x-shopify-access-token x-token".split(" "),
  ..."x-user-token x-vault-token x-firebase-auth".split(" "),
  ..."access-key access-token api-token auth-token authentication job-token x-access-key x-api-secret x-auth".split(
    " ",
  ),
  ..."x-authentication x-client-secret x-goog-api-key x-gravitee-api-key x-ibm-client-* x-jwt x-jwt-*".split(" "),
  ..."cf-access-* remote-email remote-groups remote-name remote-user tailscale-user-* x-amzn-oidc-*".split(" "),
  ..."x-auth-request-* x-auth-user x-authenticated-* x-authentik-* x-forwarded-access-token x-forwarded-email".split(
    " ",
  ),
  ..."x-forwarded-groups x-forwarded-preferred-username x-forwarded-user x-goog-authenticated-user-*".split(" "),
  ..."x-goog-iap-* x-ms-client-principal* x-ms-token-* x-pomerium-* x-remote-* x-user-email x-user-id".split(" "),
  ..."x-consumer-* x-credential-identifier x-username x-webauth-*".split(" "),
  ..."oidc_* shib-* x-apigateway-api-userinfo x-endpoint-api-userinfo x-hasura-* x-userinfo x-vouch-*".split(" "),
  ..."client-cert ssl-client-* x-arr-clientcert x-client-cert x-client-dn x-forwarded-client-cert x-ssl-client-*".split(
    " ",
  ),
  ..."x-amzn-mtls-* x-ssl-cert".split(" "),
];

/** Names remembered: more than any honest client sends. */
const REMEMBERED_NAMES = 512;

/** What middleware and connections leave on a request, or on Koa's context of one. */
interface Recognised {
  readonly user?: unknown;
  readonly auth?: unknown;
  readonly session?: {
    readonly user?: unknown;
    readonly userId?: unknown;
    readonly passport?: { readonly user?: unknown };
  };
  readonly state?: { readonly user?: unknown };
  readonly socket?: { readonly authorized?: unknown };
  readonly req?: Recognised;
}

/** What identifies a client, by one application's rules. */
export class Credentials {
  readonly #rules: CredentialRules;
  readonly #names: ReadonlySet<string>;
  /** Prefixes of names, with any rest. */
  readonly #beginnings: readonly string[];
  /** What was found about names; clients choose them, so their number is limited. */
  readonly #known = new Recent<string, boolean>(REMEMBERED_NAMES);

  constructor(rules: CredentialRules) {
    const all = [...CREDENTIAL_FIELDS, ...rules.fields];
    this.#rules = rules;
    this.#names = new Set(all.filter((name) => !name.endsWith("*")));
    this.#beginnings = all.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  }

  /** The names, or prefixes of names, that a field may match: for callers that check many names. */
  get hints(): readonly { readonly text: string; readonly whole: boolean }[] {
    return [
      ...[...this.#names].map((text) => ({ text, whole: true })),
      ...this.#beginnings.map((text) => ({ text, whole: false })),
    ];
  }

  /** Whether a field carries a credential or an identity.
   * @param name lower-case */
  has(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const listed = this.#names.has(name) || this.#beginnings.some((beginning) => name.startsWith(beginning));
    const carries = listed && !matchesAny(name, this.#rules.ignore);
    this.#known.set(name, carries);
    return carries;
  }

  /** Whether a request has such a field that is not in its key. */
  areIn({ headers }: RequestHead, keyed: readonly string[]): boolean {
    for (const name in headers) if (this.has(name) && !keyed.includes(name)) return true;
    return false;
  }

  /** The names of the fields that identify its client, `authorization` among them; none where the connection or
   * middleware does.
   * @param keyed fields that are in its key */
  namesIn({ headers }: RequestHead, keyed: readonly string[]): readonly string[] {
    const names = Object.keys(headers).filter((name) => name === "authorization" || this.has(name));
    return names.filter((name) => !keyed.includes(name));
  }

  /** Whether the connection, or middleware before the cache, knows who sent the request.
   * @param native what the framework passes to handlers */
  areKnown(native: unknown): boolean {
    if (typeof native !== "object" || native === null) return false;
    const { certificate, user } = this.#rules;
    const asked = native as Recognised;
    const { req: message = asked } = asked;
    try {
      if (certificate && message.socket?.authorized === true) return true;
      return user && (hasUser(asked) || (message !== asked && hasUser(message)));
    } catch {
      // A getter of the application has thrown, so the client is unknown: treated as identified.
      return true;
    }
  }
}

function hasUser({ user, auth, session, state }: Recognised): boolean {
  if (user || auth || state?.user) return true;
  return Boolean(session && (session.user || session.userId || session.passport?.user));
}

/** The request, and whether it identifies its client.
 * @param keyed fields that are in the key of its page */
export function identified(
  request: RequestHead,
  credentials: Credentials,
  keyed: readonly string[],
  native: unknown,
): RequestHead {
  const known = credentials.areIn(request, keyed) || credentials.areKnown(native);
  return known ? { ...request, identified: true } : request;
}
