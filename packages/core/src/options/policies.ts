/** Which policy applies to a request: that of the cache, merged in order with every rule whose pattern its path
 * matches, then the route's own. Depends on the path alone, so it is known before the application has run. */
import { matchesPath, pathReadings } from "../base/path-pattern.js";
import type { ResolvedOptions } from "./resolve-options.js";
import { mergePolicies } from "./resolve-policy.js";
import type { ResolvedPolicy, ResolvedQueryRules, WholePolicy } from "./resolve-policy.js";

/** Clients choose paths, and so which rules are combined. */
const MOST_REMEMBERED = 1000;

export class Policies {
  readonly #whole: WholePolicy;
  readonly #rules: ResolvedOptions["rules"];
  readonly #left: WholePolicy;
  /** Merged policies by what they were made from: none of it changes. */
  readonly #laid = new WeakMap<WholePolicy, WeakMap<ResolvedPolicy, WholePolicy>>();
  #remembered = 0;
  /** Query rules of routes, by what they say. */
  readonly #routeQueries = new Map<string, ResolvedQueryRules>();

  constructor({ policy, rules }: Pick<ResolvedOptions, "policy" | "rules">) {
    this.#whole = policy;
    this.#rules = rules;
    this.#left = { ...policy, leave: "path" };
  }

  /** @param own the policy of a route */
  under(target: string, own?: ResolvedPolicy): WholePolicy {
    const ruled = this.#rules.length === 0 ? this.#whole : this.#ruled(target);
    return own === undefined ? ruled : this.#lay(ruled, own);
  }

  /** Records a route's own policy. */
  addRoute({ query }: ResolvedPolicy): void {
    if (query !== undefined) this.#routeQueries.set(JSON.stringify([query.ignore, query.only, query.sort]), query);
  }

  /** Every name that a page requested under a target may have: by the rules of the path, and those of every route,
   * because only the framework knows which one it leads to. */
  queriesOf(target: string): readonly (ResolvedQueryRules | undefined)[] {
    return [this.under(target).query, ...this.#routeQueries.values()];
  }

  // A path that can be read in several ways is bypassed when one of its readings is, or when they fall under different
  // rules.
  #ruled(target: string): WholePolicy {
    const readings = pathReadings(target)?.map((path) => this.#along(path));
    if (readings === undefined) return this.#left;
    const never = readings.find(({ leave }) => leave !== undefined);
    return never ?? (readings.every((other) => other === readings[0]) ? readings[0]! : this.#left);
  }

  #along(path: readonly string[]): WholePolicy {
    let policy = this.#whole;
    for (const rule of this.#rules) {
      if (rule.patterns.some((pattern) => matchesPath(pattern, path))) policy = this.#lay(policy, rule.policy);
    }
    return policy;
  }

  #lay(outer: WholePolicy, inner: ResolvedPolicy): WholePolicy {
    const known = this.#laid.get(outer);
    const remembered = known?.get(inner);
    if (remembered !== undefined) return remembered;
    const merged = mergePolicies(outer, inner);
    if (this.#remembered++ >= MOST_REMEMBERED) return merged;
    if (known === undefined) this.#laid.set(outer, new WeakMap([[inner, merged]]));
    else known.set(inner, merged);
    return merged;
  }
}
