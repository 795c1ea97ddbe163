/**
 * Judges what clients got through the cache by what the bare framework gives them. Never asks how the cache works.
 */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { differingFields } from "./additions.js";
import type { Received } from "./client.js";
import { LANGUAGES, contentFrom } from "./content.js";
import { breaksOff, someoneLeaves } from "./program.js";
import type { Program } from "./program.js";
import { oneRenderExpected } from "./renders.js";
import { OTHER_TAG } from "./run-program.js";
import type { Observation, Seen } from "./run-program.js";

/** A word for each way in which an answer can be wrong. */
export type Fault =
  /** A whole answer, as it seems, that is not the page. */
  | "torn"
  /** The same from the store. */
  | "short-stored"
  | "wrong-encoding"
  | "wrong-language"
  | "missing-field"
  | "extra-field"
  | "field-value"
  | "wrong-status"
  | "reason-phrase"
  | "framing"
  | "lost-304"
  | "extra-break"
  | "hang"
  | "late"
  | "extra-render"
  | "error-event"
  | "crash";

export interface Difference {
  readonly fault: Fault;
  readonly who: string;
  readonly detail: string;
}

/** Beyond what the bare framework takes, once nothing holds an answer up. */
const LATEST_MS = 1_200;
/** What a busy machine adds. */
const SLACK_MS = 800;
/** `flight.timeout`, as the bench has it. */
const FLIGHT_MS = 2_000;

/** What frameworks say of an error, whatever status a hook gives it. */
const FAILED = "Internal Server Error";

export async function judge(program: Program, observation: Observation): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const seen of observation.seen) found.push(...(await judgeOne(program, observation, seen)));
  if (oneRenderExpected(program, observation) && observation.renders > 1)
    found.push({ fault: "extra-render", who: "handler", detail: `${observation.renders} renders` });
  return found;
}

async function judgeOne(program: Program, observation: Observation, given: Seen): Promise<Difference[]> {
  const seen = { ...given, received: asBroken(given.received), bare: asBroken(given.bare) };
  const { who, received, bare, tookMs, afterwards } = seen;
  const one = (fault: Fault, detail: string): Difference[] => [{ fault, who, detail }];
  if (received.end === "left") return [];
  if (received.end === "none") {
    // The head of a GET that is never answered is not there for a HEAD either. Koa 2 has none for a HEAD over HTTP/2,
    // and there its streams end without one where the handler breaks them off.
    const never =
      bare.end === "none" ||
      (seen.asked.method === "HEAD" && (bare.status === 0 || program.handler.some(isNever))) ||
      (tellsOfFailure(program, bare) && waitsForEncoded(program));
    // The second of two that were asked for at once has none, so the first was not waited for.
    if (seen.asked.twice === true && tookMs < LATEST_MS) return [];
    return never ? [] : one("hang", `no end of it after ${ms(tookMs)}`);
  }
  // Node ends a stream of HTTP/2 that an application destroys without an error as it ends one that is whole.
  const silent = breaksOff(program) && (bare.unframed || program.world?.http2 === true);
  if (received.end === "broken") {
    // A failure can be told from before the head only.
    const broken = bare.end !== "complete" || silent || tellsOfFailure(program, bare);
    const allowed = broken || (!afterwards && someoneLeaves(program)) || readsWhatFails(program, seen);
    return allowed ? [] : one("extra-break", `${received.status} broken after ${received.body.length} bytes`);
  }
  // A head or a part may be whole where the page is not.
  const headOrPart = seen.asked.method === "HEAD" || [206, 304, 416].includes(received.status);
  if (bare.status === 0 && headOrPart) return [];
  if (seen.asked.method === "HEAD" && breaksOff(program)) return [];
  // Nor may a condition wait for a body that fails: the head that Koa's handlers leave says that the client has it.
  if (received.status === 304 && tellsOfFailure(program, bare) && seen.asked.tag !== undefined) return [];
  // Nor does the failure of what comes after a part concern it, or of a page whose announced length has no such part.
  if (
    (received.status === 206 || received.status === 416) &&
    (bare.end !== "complete" || tellsOfFailure(program, bare))
  )
    return [];
  // A failure that is told is better than one that is not.
  const told = received.status >= 500 || (received.reason === FAILED && tellsOfFailure(program, received));
  if (bare.end !== "complete" && told) return [];
  if (received.status >= 500 && hidesFailure(program, bare)) return [];
  // What compresses waits for a drain, which no one tells who is corked.
  if (bare.end === "none" && corksWhatIsCompressed(program)) return [];
  if (bare.end !== "complete" && !headOrPart) {
    // Without framing the end of the connection is all there is to see.
    if (received.unframed && oneBeginsWithTheOther(received.body, bare.body)) return [];
    return one("torn", `${received.status} complete, ${bare.end} without the cache`);
  }
  // Nor does it say whether that was all.
  if (silent) return [];
  // Nor can it be told otherwise that no more comes, where a connection cannot be reset.
  if (breaksUntold(program, seen) && bare.body.length > received.body.length) {
    if (oneBeginsWithTheOther(received.body, bare.body)) return [];
  }
  // A lock is removed by who has a link to it: others wait for it that long. So long do those who have had the
  // beginning wait for more, and where the end is a break that cannot be told, it comes then, also behind the last byte.
  const locked = /^(?:un)?link$/.test(program.world?.disk?.call ?? "");
  const waits = locked || breaksUntold(program, seen) ? FLIGHT_MS : 0;
  if (tookMs > LATEST_MS + SLACK_MS + waits) return one("late", `after ${ms(tookMs)}`);
  const differences = compare(seen, bare);
  if (differences.length === 0 || seen.asked.method !== "HEAD") return differences;
  // RFC 9110 §9.3.2: a HEAD is answered as a GET would be, also where the application makes a difference.
  const { method: _, ...asGet } = seen.asked;
  const get = await observation.bareTo(asGet);
  return get.end !== "complete" || compare(seen, get).length === 0 ? [] : differences;
}

// The server of Hono ends a body that fails as if it were whole, with this behind it, which no page has.
const BROKEN_OFF = /Error: [a-z ]+$/;

function asBroken(received: Received): Received {
  const said = received.end === "complete" && BROKEN_OFF.test(received.body.toString("latin1").slice(-40));
  return said && received.status !== 500 ? { ...received, end: "broken" } : received;
}

// What is read back from a disk that fails ends there, once it has begun. Its own handler's client, if it keeps up,
// needs no disk.
function readsWhatFails({ world }: Program, { received, script, asked }: Seen): boolean {
  if (world?.disk === undefined || received.status === 0) return false;
  const status = valueOf(received, "cache-status") ?? "";
  return isHit(received) || /; collapsed\b/.test(status) || script.slow === true || asked.range !== undefined;
}

function breaksUntold(program: Program, { received }: Seen): boolean {
  return received.unframed && program.world?.unix === true && someoneLeaves(program);
}

function compare({ who, asked, received }: Seen, bare: Received): Difference[] {
  const found: Difference[] = [];
  const add = (fault: Fault, detail: string): void => void found.push({ fault, who, detail });
  const own = ownStatus(received, bare, asked.tag, asked.range);
  if (bare.status === 304 && received.status === 200) add("lost-304", "200 in the place of a 304");
  else if (received.status !== bare.status && !own)
    add("wrong-status", `${received.status} in the place of ${bare.status}`);
  else if (!own && received.reason !== bare.reason) add("reason-phrase", `"${received.reason}", "${bare.reason}" bare`);
  if (found.length > 0) return found;
  const coding = [valueOf(received, "content-encoding"), valueOf(bare, "content-encoding")] as const;
  for (const pair of differingFields(bare.fields, received.fields, {
    ownStatus: own,
    bodiless: received.status === 304,
  })) {
    if (pair.name === "content-encoding" || isUntyped(pair, received)) continue;
    const fault = pair.cached.length === 0 ? "missing-field" : pair.bare.length === 0 ? "extra-field" : "field-value";
    add(fault, `${pair.name}: ${pair.cached.join(" | ")}, bare ${pair.bare.join(" | ")}`);
  }
  const length = valueOf(received, "content-length");
  if (length !== undefined && valueOf(received, "transfer-encoding") !== undefined) add("framing", "two framings");
  if (received.status === 304 || received.status === 416) return found;
  // Nor is there anything to code where there is nothing.
  if (decoded(received)?.length === 0 && decoded(bare)?.length === 0) return found;
  // A part is one of the plain form where the whole is coded on its way.
  if (coding[0] !== coding[1] && !(own && coding[0] === undefined))
    add("wrong-encoding", `${coding[0] ?? "none"} in the place of ${coding[1] ?? "none"}`);
  else if (asked.method !== "HEAD") judgeBody(received, bare, own, add);
  return found;
}

// Nor a type: the server of Hono gives this one to a stream, which may turn out to have no content.
function isUntyped({ name, bare, cached }: ReturnType<typeof differingFields>[number], { body }: Received): boolean {
  return name === "content-type" && body.length === 0 && [...bare, ...cached].join() === "text/plain; charset=UTF-8";
}

function judgeBody(
  received: Received,
  bare: Received,
  own: boolean,
  add: (fault: Fault, detail: string) => void,
): void {
  const whole = decoded(bare);
  const body = decoded(received);
  // A part of the coded page, or a part of the page that was coded on its way.
  const alike = valueOf(received, "content-encoding") === valueOf(bare, "content-encoding");
  if (own && alike && partOf(received, bare.body)?.equals(received.body)) return;
  const wanted = own && whole !== undefined ? partOf(received, whole) : whole;
  if (body !== undefined && wanted !== undefined && body.equals(wanted)) return;
  const torn: Fault = isHit(received) ? "short-stored" : "torn";
  if (body === undefined || wanted === undefined) return add("wrong-encoding", "what does not decode");
  const start = wanted === whole ? 0 : Number(/\d+/.exec(valueOf(received, "content-range") ?? "")![0]);
  const others = LANGUAGES.map((language) => contentFrom(language, start, start + body.length));
  const fault = others.some((other) => body.length === wanted.length && body.equals(other)) ? "wrong-language" : torn;
  add(fault, `${body.length} bytes in the place of ${wanted.length}: ${firstDifference(body, wanted)}`);
}

// What the cache may answer in the place of a bare 2xx (RFC 9110 §13.2.1), and of a bare 200.
function ownStatus(received: Received, bare: Received, tag?: string, range?: string): boolean {
  if (received.status === 304) return bare.status >= 200 && bare.status < 300 && tag !== undefined && tag !== OTHER_TAG;
  if (bare.status !== 200) return false;
  return range !== undefined && (received.status === 206 || received.status === 416);
}

function partOf(received: Received, whole: Buffer): Buffer | undefined {
  const [, start, end] = /^bytes (\d+)-(\d+)\//.exec(valueOf(received, "content-range") ?? "") ?? [];
  return start === undefined ? undefined : whole.subarray(Number(start), Number(end) + 1);
}

function decoded(response: Received): Buffer | undefined {
  try {
    switch (valueOf(response, "content-encoding")) {
      case "gzip":
        return gunzipSync(response.body);
      case "br":
        return brotliDecompressSync(response.body);
      case "deflate":
        return inflateSync(response.body);
      default:
        return response.body;
    }
  } catch {
    return undefined;
  }
}

function oneBeginsWithTheOther(one: Buffer, other: Buffer): boolean {
  const shared = Math.min(one.length, other.length);
  return one.subarray(0, shared).equals(other.subarray(0, shared));
}

function isHit(response: Received): boolean {
  return /^diskcache; hit\b/.test(valueOf(response, "cache-status") ?? "");
}

export function valueOf({ fields }: Received, wanted: string): string | undefined {
  return fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function firstDifference(one: Buffer, other: Buffer): string {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at++;
  return `differ from ${at} on, ${JSON.stringify(one.toString("latin1", at, at + 24))}`;
}

function corksWhatIsCompressed({ handler, inside = [], outside = [] }: Program): boolean {
  return handler.some((step) => step.do === "cork") && [...inside, ...outside].some(({ use }) => use === "compress");
}

// An error that becomes the response, by a status of its own or that of a hook.
function tellsOfFailure(program: Program, { status }: Received): boolean {
  const { inside = [] } = program;
  return breaksOff(program) && (status === 500 || inside.some((one) => one.use === "hook" && one.status === status));
}

// A hook gives an error the very status of its page: it speaks once, and has changed nothing of the page's.
function hidesFailure(program: Program, bare: Received): boolean {
  let status = 200;
  for (const step of program.handler) if (step.do === "status" || step.do === "head") status = step.status;
  return bare.status === status && tellsOfFailure(program, bare);
}

function isNever(step: Program["handler"][number]): boolean {
  return step.do === "never" && step.first === undefined;
}

// A stream that fails ends no encoder that it is piped into: once the head has left, the client waits for ever.
function waitsForEncoded(program: Program): boolean {
  const { inside = [], outside = [] } = program;
  return breaksOff(program) && [...inside, ...outside].some(({ use }) => use === "compress");
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
