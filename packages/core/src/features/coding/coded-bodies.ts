/** In which form a stored response is sent: its own, or a coded one that is stored beside it (RFC 9110 §12.5.3). Has
 * missing forms made, and never waits for that. */
import { isAvailable } from "../../base/codings.js";
import type { Coding } from "../../base/codings.js";
import type { RawHeaders, RequestHead } from "../../base/exchange.js";
import type { MaybeAsync } from "../../base/async.js";
import { Recent } from "../../base/recent.js";
import { acceptableCodings } from "../../http/negotiation.js";
import type { Acceptable } from "../../http/negotiation.js";
import { evaluatePreconditions } from "../../http/preconditions.js";
import { selectRanges } from "../../http/range.js";
import { validatorsOf } from "../../http/validators.js";
import { codedKey } from "../../key/page-key.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { StoreEntry } from "../../store/contract.js";
import type { CodedBody, StoredValue } from "../../stored/stored-value.js";
import type { CodingOffer, StoredResponse } from "../../stored/stored-response.js";
import { codedEntry, codedHeadEntry, codedTag } from "./coded-entry.js";
import { EncodingQueue } from "./encoding-queue.js";
import type { EncodingDeps, Made, Wanted } from "./encoding-queue.js";

type ResponseEntry = StoreEntry<StoredResponse>;

interface CodingDeps extends EncodingDeps {
  readonly options: Pick<ResolvedOptions, "clock">;
}

/** How long a coded body that is not there is not looked up again. */
const BUSY_MS = 1_000;
const FAILED_MS = 60_000;
const REMEMBERED_ABSENT = 10_000;

export class CodedBodies {
  readonly #deps: CodingDeps;
  readonly #negotiation = new Negotiation();
  readonly #queue: EncodingQueue;
  /** Keys with nothing under them, and until when they are not looked up: a lookup costs a failing open. `Infinity`
   * while it is being made. */
  readonly #absent = new Recent<string, number>(REMEMBERED_ABSENT);

  constructor(deps: CodingDeps) {
    this.#deps = deps;
    this.#queue = new EncodingQueue(deps, (wanted, made) => this.#settled(wanted, made));
  }

  /** The entry to answer from: the response itself, or its coded form, which is to be sent whole.
   * @param wanting whether what is missing is to be made */
  choose(entry: ResponseEntry, request: RequestHead, wanting = true): MaybeAsync<ResponseEntry> {
    const { offer } = entry.value;
    const field = request.headers["accept-encoding"];
    if (offer === undefined || field === undefined) return entry;
    const acceptable = this.#negotiation.of(field as string, offer.codings);
    if (acceptable.codings.length === 0 || forbidsTransforming(request)) return entry;
    return answeringCondition(entry, acceptable, request) ?? this.#best(entry, acceptable.codings, wanting);
  }

  /** The same for a request without conditions and ranges, from memory alone; `undefined` decides nothing.
   * @param now epoch milliseconds */
  atHand(entry: ResponseEntry, rawHeaders: RawHeaders, now: number): ResponseEntry | undefined {
    const offer = entry.value.offer!;
    const field = acceptedIn(rawHeaders);
    if (field === undefined) return entry;
    if (field === UNTOLD) return undefined;
    const [best] = this.#negotiation.of(field, offer.codings).codings;
    if (best === undefined) return entry;
    const found = this.#deps.store.inMemory(keysOf(entry)[offer.codings.indexOf(best)]!, now);
    return isMadeFrom(found, offer) ? sentAs(entry, found) : undefined;
  }

  /** Gives up what is being made. Resolves when no work is left. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  #best(entry: ResponseEntry, codings: readonly Coding[], wanting: boolean, from = 0): MaybeAsync<ResponseEntry> {
    const offer = entry.value.offer!;
    const keys = keysOf(entry);
    for (let index = from; index < codings.length; index++) {
      const key = keys[offer.codings.indexOf(codings[index]!)]!;
      if (this.#isAbsent(key)) continue;
      const found = this.#deps.store.get(key);
      if (found instanceof Promise) return this.#onSlowDisk(entry, codings, wanting, index, found);
      if (isMadeFrom(found, offer)) return sentAs(entry, found);
      if (wanting) this.#missed(entry, codings, index, key);
    }
    return entry;
  }

  #onSlowDisk(
    entry: ResponseEntry,
    codings: readonly Coding[],
    wanting: boolean,
    index: number,
    coming: Promise<StoreEntry<StoredValue> | undefined>,
  ): MaybeAsync<ResponseEntry> {
    const offer = entry.value.offer!;
    const key = codedKey(entry.head.key, codings[index]!);
    const chosen = coming.then((found) => {
      if (isMadeFrom(found, offer)) return sentAs(entry, found);
      if (wanting && !this.#isAbsent(key)) this.#missed(entry, codings, index, key);
      return this.#best(entry, codings, wanting, index + 1);
    });
    // The file of a long body is open in this turn only, so that is sent at once.
    return entry.body === undefined ? entry : chosen;
  }

  // Only the best is made: the second best is for clients that do not accept it.
  #missed({ head }: ResponseEntry, codings: readonly Coding[], index: number, key: string): void {
    const coding = codings[index]!;
    const making = index === 0 && isAvailable(coding) && this.#queue.want({ responseKey: head.key, key, coding });
    this.#rest(key, making ? Number.POSITIVE_INFINITY : BUSY_MS);
  }

  #settled({ key }: Wanted, made: Made): void {
    if (made === "settled" || made === "gone") this.#absent.delete(key);
    else this.#rest(key, made === "elsewhere" ? BUSY_MS : FAILED_MS);
  }

  #rest(key: string, ms: number): void {
    this.#absent.set(key, this.#now() + ms);
  }

  #isAbsent(key: string): boolean {
    const until = this.#absent.size === 0 ? undefined : this.#absent.get(key);
    if (until === undefined) return false;
    // A clock that was set back must not keep it away forever.
    const left = until - this.#now();
    if (left > 0 && (left <= FAILED_MS || left === Number.POSITIVE_INFINITY)) return true;
    this.#absent.delete(key);
    return false;
  }

  #now(): number {
    return this.#deps.options.clock.now();
  }
}

/** A request that needs a closer look. */
const UNTOLD = "";

/** `Accept-Encoding` in one pass over the fields; `UNTOLD` with a `Cache-Control`, which may say no-transform, and
 * where it is empty or comes in several lines. */
function acceptedIn(raw: RawHeaders): string | undefined {
  let field: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name.length === 13 && name.toLowerCase() === "cache-control") return UNTOLD;
    // Comparing the usual spelling is faster than lower-casing it.
    if (name.length !== 15 || (name !== "Accept-Encoding" && name.toLowerCase() !== "accept-encoding")) continue;
    if (field !== undefined) return UNTOLD;
    field = raw[index + 1]!;
  }
  return field;
}

/** The form that the client's own conditions and ranges are about, if they are about one it may be sent. */
function answeringCondition(
  entry: ResponseEntry,
  { codings, identity }: Acceptable<Coding>,
  request: RequestHead,
): ResponseEntry | undefined {
  const { headers } = request;
  const condition = headers["if-none-match"] as string | undefined;
  if (condition !== undefined) {
    const { etag } = validatorsOf(entry.value.head);
    // The client has it already, in whatever form that was, and whether it is still there or not.
    for (const coding of etag === undefined ? [] : codings) {
      if (!condition.includes(codedTag(etag!, coding, entry.value.offer!.bodyTag))) continue;
      const coded = codedHeadEntry(entry, coding);
      if (evaluatePreconditions(request, coded.value.head) === "not-modified") return coded;
    }
    if (identity && evaluatePreconditions(request, entry.value.head) === "not-modified") return entry;
  }
  // Ranges are of the body as it is; If-Range says whether that is the one they are wanted of.
  if (headers.range === undefined || !identity) return undefined;
  const range = selectRanges(
    headers.range,
    headers["if-range"] as string | undefined,
    entry.value.head,
    entry.bodyBytes,
  );
  return range.kind === "whole" ? undefined : entry;
}

// RFC 9111 §5.2.1.6.
function forbidsTransforming({ headers }: RequestHead): boolean {
  const cacheControl = headers["cache-control"];
  return cacheControl !== undefined && /(?:^|[\s,])no-transform(?:$|[\s,])/i.test(cacheControl as string);
}

// Made once for an entry: a key string that is put together again would be hashed again.
function keysOf({ head, value }: ResponseEntry): readonly string[] {
  return (value.codedKeys ??= value.offer!.codings.map((coding) => codedKey(head.key, coding)));
}

function sentAs(entry: ResponseEntry, coded: StoreEntry<CodedBody>): ResponseEntry {
  return coded.value.worthIt ? codedEntry(entry, coded) : entry;
}

function isMadeFrom(
  found: StoreEntry<StoredValue> | undefined,
  { bodyTag }: CodingOffer,
): found is StoreEntry<CodedBody> {
  return found?.value.kind === "coded" && found.value.bodyTag === bodyTag;
}

/* Which of the offered codings is best for a client, remembered by its `Accept-Encoding`: most clients send the
 * same. */

/** Different values of `Accept-Encoding` to remember for one offer, and the longest of them: the usual ones are few
 * and short. */
const REMEMBERED_FIELDS = 256;
const LONGEST_REMEMBERED = 256;

export class Negotiation {
  readonly #known = new Map<readonly Coding[], Recent<string, Acceptable<Coding>>>();

  /** @param field the client's `Accept-Encoding`
   * @param offered a list of `codingsNamed` */
  of(field: string, offered: readonly Coding[]): Acceptable<Coding> {
    return this.#known.get(offered)?.get(field) ?? this.#learn(field, offered);
  }

  #learn(field: string, offered: readonly Coding[]): Acceptable<Coding> {
    const acceptable = acceptableCodings(field, offered);
    if (field.length > LONGEST_REMEMBERED) return acceptable;
    let known = this.#known.get(offered);
    if (known === undefined) this.#known.set(offered, (known = new Recent(REMEMBERED_FIELDS)));
    known.set(field, acceptable);
    return acceptable;
  }
}
