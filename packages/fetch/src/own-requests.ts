/**
 * Requests of the cache's own that reach the application without a server: they refresh a page behind a stale one, or
 * render one before a client asks. They carry nothing of a client that is not in the key.
 */
import { inOwnContext } from "@diskcache/core";
import type { HandleOptions, RefreshClaim } from "@diskcache/core";
import type { OwnWay } from "@diskcache/http";
import { partsOf } from "./request.js";
import { pairs } from "./play.js";

type Asked = Pick<HandleOptions, "refresh" | "own" | "keeping">;

const OWN = new WeakMap<Request, Asked>();

/** What is known of a request of the cache's own; `undefined` for a client's. */
export function ownOf(request: Request): Asked | undefined {
  return OWN.get(request);
}

/** How the cache is to handle a request, as far as that depends on whether it is its own. */
export function asOwn(request: Request): Asked {
  return OWN.get(request) ?? {};
}

/** Asks the application again, and releases the claim with the result when that is over.
 * @param inPlace whether the client's request is used again, with other fields: it has been answered */
export function refreshAgain(
  client: Request,
  claim: RefreshClaim,
  again: (request: Request) => Promise<Response>,
  inPlace: boolean,
): void {
  const { rawHeaders, release } = withHostOf(client, claim);
  let reached = false;
  const keeping = (): void => void (reached = true);
  const ask = async (): Promise<void> => {
    try {
      const own = inPlace ? client : new Request(client.url);
      replaceFields(own, pairs(rawHeaders));
      OWN.set(own, { refresh: true, own: true, keeping });
      const { status } = await drained(await again(own));
      release({ reached, status });
    } catch {
      // The application's fault: it fails for the next client that asks it.
      release({ reached, status: undefined });
    }
  };
  // After what the caller is about to send.
  inOwnContext(() => setImmediate(() => void ask()));
}

function replaceFields({ headers }: Request, fields: readonly [string, string][]): void {
  const before = [...headers.keys()];
  for (const name of before) headers.delete(name);
  for (const [name, value] of fields) headers.append(name, value);
}

/** A claim's fields name the host of the URL; a `Host` field that names another one is part of the key as well. */
export function withHostOf({ headers }: Request, claim: RefreshClaim): RefreshClaim {
  const host = headers.get("host");
  if (host === null) return claim;
  return {
    ...claim,
    rawHeaders: pairs(claim.rawHeaders).flatMap(([name, value]) => [name, name === "host" ? host : value]),
  };
}

/** The way to an application that is known by the function that takes its requests.
 * @param first the first request that came to it */
export function functionWay(first: Request, fetch: (request: Request) => Promise<Response>): OwnWay {
  const { host: firstHost, scheme } = partsOf(first.url);
  return {
    host: firstHost,
    encrypted: scheme === "https",
    send: ({ target, host, encrypted, rawHeaders, signal, reload, keeping }) =>
      inOwnContext(async () => {
        const own = new Request(`${encrypted ? "https" : "http"}://${host}${target}`, {
          headers: pairs(rawHeaders).filter(([name]) => name !== "Host"),
          ...(signal && { signal }),
        });
        OWN.set(own, { refresh: reload, own: true, keeping });
        try {
          const { status, headers } = await drained(await fetch(own));
          return { status, cacheStatus: headers.get("cache-status") ?? "" };
        } catch {
          return { status: undefined, cacheStatus: "" };
        }
      }),
  };
}

async function drained(response: Response): Promise<Response> {
  const reader = response.body?.getReader();
  while (reader !== undefined && !(await reader.read()).done);
  return response;
}
