/** A request, a response and a policy in few words, for the tests of storability. Its name keeps it out of the package. */
import { formatHttpDate } from "./http-date.js";
import { storability } from "./storability.js";
import type { Storability, StoragePolicy } from "./storability.js";
import type { RequestFacts, StoredPolicy } from "./stored-policy.js";

export const NOW = Date.UTC(2024, 5, 1, 12);
export const GET: RequestFacts = { method: "GET", authorization: false, cookies: false };

const POLICY: StoragePolicy = {
  ttl: undefined,
  handlerTtl: undefined,
  statusTtl: new Map(),
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  grace: 0,
  keep: 3600,
  heuristic: false,
  targetedFields: ["cdn-cache-control"],
  methods: ["GET"],
};

/** What differs from a GET without credentials, answered 200 at once, where the operator named nothing but `keep`. */
export interface Exchange {
  readonly request?: Partial<RequestFacts>;
  readonly status?: number;
  /** Field lines: "Cache-Control: max-age=60". */
  readonly fields?: string | readonly string[];
  readonly policy?: Partial<StoragePolicy>;
  /** Seconds the handler took. */
  readonly took?: number;
}

export function decide({ request, status = 200, fields = [], policy, took = 0 }: Exchange): Storability {
  const response = { status, statusText: "", rawHeaders: [fields].flat().flatMap(nameAndValue) };
  const times = { requestAt: NOW - took * 1000, responseAt: NOW };
  return storability({ ...GET, ...request }, response, { ...POLICY, ...policy }, times);
}

/** Why it is not stored, or "stored". */
export function verdict(exchange: Exchange): string {
  const outcome = decide(exchange);
  return outcome.store ? "stored" : outcome.reason;
}

export function storedPolicy(exchange: Exchange): StoredPolicy {
  const outcome = decide(exchange);
  if (!outcome.store) throw new Error(`not stored: ${outcome.reason}`);
  return outcome.policy;
}

/** An HTTP-date so many seconds from now. */
export function date(seconds: number): string {
  return formatHttpDate(NOW + seconds * 1000);
}

function nameAndValue(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
