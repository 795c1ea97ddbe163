/** Answers a request from a stored response in the form that is best for its client. */
import type { RawHeaders, RequestHead } from "../../base/exchange.js";
import { andThen } from "../../base/async.js";
import type { MaybeAsync } from "../../base/async.js";
import type { Observer } from "../../base/observer.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { OutgoingResponse } from "../../stored/outgoing.js";
import { readFirst, respond, respondFresh, respondPlain, respondStale } from "../../stored/respond.js";
import type { Marks, Shown } from "../../stored/respond.js";
import type { StoreEntry } from "../../store/contract.js";
import type { StoredResponse } from "../../stored/stored-response.js";
import type { CodedBodies } from "./coded-bodies.js";

type ResponseEntry = StoreEntry<StoredResponse>;

interface RespondDeps {
  readonly options: Pick<ResolvedOptions, "clock" | keyof Shown>;
  readonly observer: Observer;
  readonly coded: CodedBodies;
}

/** A hit; `undefined` when its body cannot be read. */
export function respondHit(
  deps: RespondDeps,
  entry: ResponseEntry,
  request: RequestHead,
  stale: boolean,
): MaybeAsync<OutgoingResponse | undefined> {
  if (entry.value.offer === undefined) return play(deps, entry, entry, request, stale);
  // A stale response is about to be refreshed: nothing is made of it any more.
  const chosen = deps.coded.choose(entry, request, !stale);
  return chosen instanceof Promise
    ? chosen.then((late) => play(deps, entry, late, request, stale))
    : play(deps, entry, chosen, request, stale);
}

/** A fresh hit like one that was answered before; `undefined` where it is not in memory. */
export function replayHit(
  { options, observer, coded }: RespondDeps,
  entry: ResponseEntry,
  target: string,
  rawHeaders: RawHeaders,
  now: number,
): OutgoingResponse | undefined {
  const chosen = entry.value.offer === undefined ? entry : coded.atHand(entry, rawHeaders, now);
  if (chosen !== entry) entry.lease?.giveBack();
  const response = chosen && respondPlain(chosen, now, options);
  if (response === undefined) return undefined;
  observer.hit(target, false);
  if (chosen !== entry) observer.codedHit(entry.bodyBytes - chosen!.bodyBytes);
  return response;
}

function play(
  { options, observer }: RespondDeps,
  entry: ResponseEntry,
  chosen: ResponseEntry,
  request: RequestHead,
  stale: boolean,
): MaybeAsync<OutgoingResponse | undefined> {
  const asked = chosen === entry ? request : withoutRange(request);
  const response = (stale ? respondStale : respondFresh)(chosen, asked, options.clock.now(), options);
  return andThen(begun(response), (readable) => {
    if (readable === undefined) return undefined;
    observer.hit(request.target, stale, request.method);
    if (chosen !== entry && readable.body !== undefined) observer.codedHit(entry.bodyBytes - chosen.bodyBytes);
    return readable;
  });
}

/** The same response once the first piece of its body is there; `undefined` when that cannot be read. */
export function begun(response: OutgoingResponse): MaybeAsync<OutgoingResponse | undefined> {
  const { body } = response;
  if (body === undefined || Buffer.isBuffer(body)) return response;
  return readFirst(body).then((source) => source && { ...response, body: source });
}

/** An answer that a forward returned to the store for. What is not in memory then is not looked up. */
export function respondStored(
  { coded }: Pick<RespondDeps, "coded">,
  entry: ResponseEntry,
  request: RequestHead,
  now: number,
  marks: Marks,
): OutgoingResponse {
  const found = coded.choose(entry, request, false);
  const chosen = found instanceof Promise ? entry : found;
  return respond(chosen, chosen === entry ? request : withoutRange(request), now, marks);
}

// A coded body is sent whole: a piece of it is of no use.
function withoutRange(request: RequestHead): RequestHead {
  if (request.headers.range === undefined) return request;
  const { range: _range, ...headers } = request.headers;
  return { ...request, headers };
}
