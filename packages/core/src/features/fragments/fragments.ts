/** Fragments: parts of pages that are rendered once for all requests, in every process, and stored beside the
 * pages. */
import { AsyncLocalStorage } from "node:async_hooks";
import { holeError, optionError, valueError } from "../../base/errors.js";
import type { Duration } from "../../base/units.js";
import { strings } from "../../options/option-checks.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { wholeBody } from "../../store/contract.js";
import type { EntryHead, LogPosition, Store, StoreEntry } from "../../store/contract.js";
import { encodeFragment } from "../../stored/stored-value.js";
import type { FragmentForm, StoredValue } from "../../stored/stored-value.js";
import { SingleFlights } from "../low-level/exclusive.js";
import { FRAGMENT_SCOPE, fragmentKey, resolveFragmentOptions } from "./fragment-options.js";
import type {
  FragmentOptions,
  InsideFragment,
  ResolvedFragmentOptions,
  UseFragment,
  VaryOn,
} from "./fragment-options.js";

/** A fragment, found or made. */
interface Fragment {
  readonly form: FragmentForm;
  /** Shared by all callers that requested it: not to be changed. */
  readonly body: Buffer;
  readonly tags: readonly string[];
  readonly birth: LogPosition;
}

interface FragmentDeps {
  readonly options: Pick<ResolvedOptions, "clock" | "enabled" | "flight" | "policy" | "version">;
  readonly store: Store<StoredValue>;
}
type Output = string | Buffer;
type Render = (inside: InsideFragment) => Output | Promise<Output>;

/** How often a fragment that a purge has invalidated is requested again before it is made for one caller alone. */
const MAX_ATTEMPTS = 3;

export class Fragments {
  readonly renderings = new Renderings();
  readonly #deps: FragmentDeps;
  readonly #makings: SingleFlights<Fragment>;
  #closed = false;

  constructor(deps: FragmentDeps) {
    this.#deps = deps;
    const { store, options } = deps;
    // As with pages, a lock is taken only where another process has the directory open.
    const locks = {
      lock: (key: string) => store.lock(key),
      released: (key: string, timeoutMs: number) => store.released(key, timeoutMs),
    };
    this.#makings = new SingleFlights(locks, options.flight.timeoutMs);
  }

  /** Fragments are still made for callers from now on, and not stored. */
  close(): void {
    this.#closed = true;
  }

  /** Fragments of one rendering, which takes on their labels; without one, of whatever the caller is making. */
  of(rendering: Rendering | undefined): UseFragment {
    const use = async (name: string, varyOn: VaryOn, given: FragmentOptions | Duration, render: Render) => {
      const key = fragmentKey(name, varyOn, this.#deps.options.version);
      const options = resolveFragmentOptions(given, this.#deps.options.policy.ttl);
      if (typeof render !== "function") throw optionError("render", "a function that makes the fragment", render);
      this.renderings.watch();
      const { form, body, tags } = await this.#fragment(key, options, render);
      this.renderings.label(tags, rendering);
      return form === "text" ? body.toString() : Buffer.from(body);
    };
    return use as UseFragment;
  }

  async #fragment(key: string, options: ResolvedFragmentOptions, render: Render): Promise<Fragment> {
    const { store, options: settings } = this.#deps;
    if (this.#closed || !settings.enabled) return this.#make(options, render, 0);
    const asked = store.position();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      let birth = asked;
      const fragment =
        (await this.#find(key)) ??
        (await this.#makings.join(
          key,
          () => this.#alive(options.tags, birth),
          () => this.#find(key),
          async () => {
            birth = store.position();
            const made = await this.#make(options, render, birth);
            if (!this.#closed && options.ttl > 0) store.put(this.#head(key, options, made), made.body);
            return made;
          },
        ));
      // A fragment whose rendering began before a purge is not for callers that requested it after the purge. Callers
      // that requested it before get it even so: the purge covers their pages as well.
      if (this.#alive(fragment.tags, fragment.birth) || !this.#alive(fragment.tags, asked)) return fragment;
    }
    return this.#make(options, render, asked);
  }

  async #find(key: string): Promise<Fragment | undefined> {
    const looked = this.#deps.store.get(key);
    const entry = looked instanceof Promise ? await looked : looked;
    if (entry?.value.kind !== "fragment" || entry.softPurged) return undefined;
    const { tags, birth } = entry.head;
    const body = await this.#body(entry);
    return body && { form: entry.value.form, body, tags, birth };
  }

  // A body that cannot be read is a miss: the store has reported it.
  async #body(entry: StoreEntry<StoredValue>): Promise<Buffer | undefined> {
    try {
      return await wholeBody(entry);
    } catch {
      return undefined;
    }
  }

  async #make({ tags: given }: ResolvedFragmentOptions, render: Render, birth: LogPosition): Promise<Fragment> {
    const { renderings } = this;
    const tags = new Set(given);
    const inside: InsideFragment = {
      tag: (...more) => {
        for (const tag of strings("tags", more)) tags.add(tag);
        return inside;
      },
      get fragment() {
        return nested;
      },
    };
    const nested = this.of(inside);
    renderings.begin(inside);
    try {
      const output: unknown = await renderings.inside(inside, () => render(inside));
      if (typeof output !== "string" && !Buffer.isBuffer(output))
        throw valueError(`a fragment is a text or a Buffer, not a ${typeof output}`);
      const form = typeof output === "string" ? "text" : "bytes";
      const body = Buffer.from(output as string);
      if (renderings.marked(body)) throw holeError("a fragment is for many pages: put the hole into the page");
      return { form, body, tags: [...tags], birth };
    } finally {
      renderings.end(inside);
    }
  }

  #alive(tags: readonly string[], birth: LogPosition): boolean {
    return this.#deps.store.survivesPurges({ scope: FRAGMENT_SCOPE, name: "", tags, birth });
  }

  #head(key: string, { ttl }: ResolvedFragmentOptions, { form, tags, birth }: Fragment): EntryHead {
    const storedAt = this.#deps.options.clock.now();
    const meta = encodeFragment({ kind: "fragment", form });
    // Without a name: purges of pages by URL or prefix have nothing to compare.
    return { key, scope: FRAGMENT_SCOPE, name: "", tags, meta, storedAt, expiresAt: storedAt + ttl * 1000, birth };
  }
}

/* What is being rendered in this process at the moment, and what labels it: a page takes on the labels of every
 * fragment it contains, and a fragment those of the fragments inside it.
 * Doubt about which page a fragment is for means all of them: a label too many costs a render, one too few would leave
 * a page that a purge should have removed. */

/** A page or a fragment on its way. */
export interface Rendering {
  /** Takes on labels. */
  tag(...tags: readonly string[]): unknown;
  /** Whether a text has something in it that is only meant for this one. */
  marks?(bytes: Buffer): boolean;
}

class Renderings {
  readonly #underWay = new Set<Rendering>();
  /** Made when a fragment is first used: until then it costs nothing. */
  #context: AsyncLocalStorage<Rendering> | undefined;

  /** It takes on labels from now on. */
  begin(rendering: Rendering): void {
    this.#underWay.add(rendering);
  }

  /** It takes on no more labels. */
  end(rendering: Rendering): void {
    this.#underWay.delete(rendering);
  }

  /** Runs the work of a rendering: what is labelled meanwhile, also later in asynchronous parts of it, is inside that
   * rendering. */
  inside<Result>(rendering: Rendering, work: () => Result): Result {
    return this.#context === undefined ? work() : this.#context.run(rendering, work);
  }

  /** Labels what contains a fragment.
   * @param known the page, where the caller has named it */
  label(tags: readonly string[], known: Rendering | undefined): void {
    known?.tag(...tags);
    const current = this.#current();
    if (current !== undefined) current.tag(...tags);
    else if (known === undefined) for (const rendering of this.#underWay) rendering.tag(...tags);
  }

  /** Whether a text has something in it that is only meant for one response under way. */
  marked(bytes: Buffer): boolean {
    for (const rendering of this.#underWay) if (rendering.marks?.(bytes) === true) return true;
    return false;
  }

  /** From now on containment is tracked. */
  watch(): void {
    this.#context ??= new AsyncLocalStorage();
  }

  // An ended rendering may have left its context to other code, such as a connection of a pool: that says nothing.
  #current(): Rendering | undefined {
    const current = this.#context?.getStore();
    return current !== undefined && this.#underWay.has(current) ? current : undefined;
  }
}
