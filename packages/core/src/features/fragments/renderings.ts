/** What is being rendered in this process at the moment, and what labels it: a page takes on the labels of every
 * fragment it contains, and a fragment those of the fragments inside it.
 * Doubt about which page a fragment is for means all of them: a label too many costs a render, one too few would leave
 * a page that a purge should have removed. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A page or a fragment on its way. */
export interface Rendering {
  /** Takes on labels. */
  tag(...tags: readonly string[]): unknown;
  /** Whether a text has something in it that is only meant for this one. */
  marks?(bytes: Buffer): boolean;
}

export class Renderings {
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
