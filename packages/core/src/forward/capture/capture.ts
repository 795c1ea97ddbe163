/** One response that is being stored: its body is recorded, then its entry is put, and the records that lead to it.
 * Decides nothing: whether it may be stored was settled when it began. */
import type { CacheContext } from "../../page-cache/context.js";
import type { RawHeaders, RequestHead } from "../../base/exchange.js";
import { lengthAgrees } from "../../http/storability.js";
import { LEAST_CODED_BYTES, MOST_CODED_BYTES } from "../../http/codable.js";
import { fieldLines } from "../../http/fields.js";
import { mayBeTagged } from "../../http/validators.js";
import { variantDigest, variantKey } from "../../key/page-key.js";
import { andThen } from "../../base/async.js";
import type { MaybeAsync } from "../../base/async.js";
import type { ResponseEntry } from "../../lookup/select.js";
import type { BodyReader } from "../../store/contract.js";
import { encodeResponse } from "../../stored/stored-response.js";
import type { StoredResponse } from "../../stored/stored-response.js";
import { UNKNOWN_LENGTH } from "../../stored/outgoing.js";
import { BodyRecorder } from "./body-recorder.js";
import { entryHead, storedResponse } from "./capture-plan.js";
import type { CapturePlan } from "./capture-plan.js";
import { listRecords } from "./list-records.js";
import { ClientPace } from "./slow-client.js";
import { refusalWord } from "./copy-freshened.js";

/** Characters of fields and tags, of 64 KiB for the whole head. */
const SURELY_FITS = 12 * 1024;

/** Told once how it ended. */
interface CaptureReport {
  stored(bytes: number): void;
  notStored(reason: string, rawHeaders?: RawHeaders): void;
}

export class Capture {
  readonly #context: CacheContext;
  readonly #report: CaptureReport;
  readonly #plan: CapturePlan;
  readonly #digest: string | undefined;
  readonly #recorder: BodyRecorder;
  /** As it is stored, once it has ended. */
  #stored: StoredResponse | undefined;
  #refusal: string | undefined;
  /** How long the handler's own client may block it. */
  readonly pace = new ClientPace(() => this.followed);

  constructor(context: CacheContext, plan: CapturePlan, report: CaptureReport) {
    this.#context = context;
    this.#report = report;
    this.#plan = plan;
    this.#digest = plan.vary.length === 0 ? undefined : variantDigest(plan.request, plan.vary);
    this.#recorder = new BodyRecorder(context.store, this.#key, context.options.maxBody);
  }

  set onDrain(drained: () => void) {
    this.#recorder.onDrain = drained;
  }

  /** Whether what is written is still of use to any reader or to the store. */
  get wanted(): boolean {
    return this.#recorder.wanted;
  }

  /** Whether others read along at the moment. */
  get followed(): boolean {
    return this.#recorder.followers > 0;
  }

  /** Why the store would not accept the response now, as far as that is known; in the words of `Cache-Status`.
   * @param whole its body is complete, and has this length; otherwise this is its least length */
  refusal(bodyBytes: number, whole: boolean): string | undefined {
    if (!this.#recorder.takes(bodyBytes)) return "store";
    const { head, tags } = this.#plan;
    // Short heads fit in any encoding; long ones are checked when they are written.
    const long = [...head.rawHeaders, ...tags].join("").length > SURELY_FITS;
    const stored = storedResponse(this.#plan, head);
    const reason = this.#context.store.unfit(
      entryHead(this.#plan, this.#tags, this.#key, long ? encodeResponse(stored) : "", stored),
      bodyBytes,
      whole,
    );
    return reason && refusalWord(reason);
  }

  /** False asks the sender to wait for `onDrain`. */
  write(chunk: Buffer): boolean {
    return this.#recorder.write(chunk);
  }

  /** The response as far as it has come: for requests that ask after it has ended, a short one is complete. */
  shared(): ResponseEntry {
    const { head } = this.#plan;
    const lines = fieldLines(head.rawHeaders, "content-length");
    const announced = lines.length === 1 ? Number(lines[0]) : UNKNOWN_LENGTH;
    const begun = storedResponse(this.#plan, head);
    const bytes = () => (this.#stored === undefined ? announced : this.#recorder.bytes);
    const whole = () => (this.#stored === undefined ? undefined : this.#recorder.whole);
    const value = () => this.#stored ?? begun;
    return {
      head: entryHead(this.#plan, this.#tags, this.#key, "", begun),
      get value() {
        return value();
      },
      get bodyBytes() {
        return bytes();
      },
      get body() {
        return whole();
      },
      softPurged: false,
      reader: () => {
        const reader = this.#recorder.reader();
        this.pace.followed();
        return reader;
      },
    };
  }

  /** Reads what the handler's own client has not received yet, from `at` on; `undefined` when it is not there any
   * more. */
  clientReader(at: number): BodyReader | undefined {
    return this.#recorder.givenUp === undefined ? this.#recorder.reader(true, at) : undefined;
  }

  /** What followers of this forward receive. */
  sharing() {
    let entry: ResponseEntry | undefined = undefined;
    const shared = (): ResponseEntry => (entry ??= this.shared());
    return {
      get entry() {
        return shared();
      },
      answers: (request: RequestHead) => this.answers(request),
      alive: () => this.#alive,
      detail: undefined,
    };
  }

  /** Requests that read along and have had nothing yet are not to wait for it. */
  dismissUnbegun(): void {
    this.#recorder.dismissUnbegun();
  }

  /** Where it is stored: the entry, and the records that lead to it. */
  get keys(): readonly string[] {
    return [this.#key, this.#plan.page.key];
  }

  /** Whether this response answers another request for its page: from its first byte, if that is still there. */
  answers(request: RequestHead): boolean {
    if (!this.#recorder.readable) return false;
    if (this.#recorder.followers >= this.#context.options.flight.maxFollowers) return false;
    const suits = this.#digest === undefined || this.#digest === variantDigest(request, this.#plan.vary);
    // It begins to read in this turn, in which the handler may finish.
    if (suits) this.#recorder.holdTurn();
    return suits;
  }

  /** The response ended properly. Stores it if its length agrees with what it announced. */
  end(): MaybeAsync<boolean> {
    const { head } = this.#plan;
    if (this.#recorder.wanted && !lengthAgrees(head, this.#recorder.bytes)) {
      this.abort("length");
      return false;
    }
    const refusal = this.refused ?? this.#ended;
    if (refusal !== undefined) {
      this.#recorder.holdTurn();
      this.#recorder.finish();
      this.#report.notStored(refusal);
      return false;
    }
    const stored = this.#storedWhole();
    this.#stored = stored;
    const entry = entryHead(this.#plan, this.#tags, this.#key, encodeResponse(stored), stored);
    const placed = andThen(this.#recorder.keep(entry), (kept) => {
      if (!kept) {
        this.#report.notStored("store");
        return false;
      }
      this.#report.stored(this.#recorder.bytes);
      return andThen(listRecords(this.#context.store, this.#plan, this.#digest, entry), () => true);
    });
    if (placed instanceof Promise) this.#recorder.hold(placed);
    return placed;
  }

  /** Why a response that has ended properly is not stored, where that is not because of a purge. */
  get refused(): string | undefined {
    return this.#recorder.givenUp ?? this.#refusal;
  }

  /** Why it will not be stored although it was going to be, as far as that is known; in the words of
   * `Cache-Status`. */
  get lost(): string | undefined {
    if (this.#refusal !== undefined) return undefined;
    return this.#recorder.givenUp ?? (this.#context.store.storing ? undefined : "store");
  }

  /** It must not be stored after all; those that read along get the rest of it. */
  refuse(reason: string): void {
    this.#refusal = reason;
  }

  /** The response did not end properly, or may not be stored after all.
   * @param rawHeaders of the response, where they are the reason */
  abort(reason: string, rawHeaders?: RawHeaders): void {
    this.#recorder.abort();
    this.#report.notStored(reason, rawHeaders);
  }

  // While the log of purges cannot be read, no entry is known to be valid, and nothing can be stored either.
  get #ended(): string | undefined {
    if (this.#alive) return undefined;
    return this.#context.store.storing ? "purged" : "store";
  }

  // A purge during the capture named it: what was rendered before must not be served after.
  get #alive(): boolean {
    const { page, birth } = this.#plan;
    return this.#context.store.survivesPurges({ scope: page.scope, name: page.name, tags: this.#tags, birth });
  }

  // What a streamed page contains is known when it has been written.
  get #tags(): readonly string[] {
    const { tags, lateTags } = this.#plan;
    return lateTags.every((tag) => tags.includes(tag)) ? tags : [...new Set([...tags, ...lateTags])];
  }

  get #key(): string {
    const { page } = this.#plan;
    return this.#digest === undefined ? page.key : variantKey(page.key, this.#digest);
  }

  #storedWhole(): StoredResponse {
    const { head, ownEtag, codings } = this.#plan;
    const { bytes } = this.#recorder;
    const tagged = mayBeTagged(head);
    const offered = codings.length > 0 && bytes >= LEAST_CODED_BYTES && bytes <= MOST_CODED_BYTES;
    if (!offered && !tagged) return storedResponse(this.#plan, head);
    const bodyTag = ownEtag ?? this.#recorder.entityTag();
    return storedResponse(
      this.#plan,
      tagged ? { ...head, rawHeaders: [...head.rawHeaders, "ETag", bodyTag] } : head,
      offered ? { codings, bodyTag } : undefined,
    );
  }
}
