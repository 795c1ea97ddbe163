/** Which of the offered codings a visitor is best sent, remembered by what his browser said: most say the same. */
import type { Coding } from "../base/codings.js";
import { acceptableCodings } from "../http/accept-encoding.js";
import type { Acceptable } from "../http/accept-encoding.js";
import { Recent } from "../base/recent.js";

/** Different values of `Accept-Encoding` to remember for one offer, and the longest of them: the usual ones are few and short. */
const REMEMBERED_FIELDS = 256;
const LONGEST_REMEMBERED = 256;

export class Negotiation {
  readonly #known = new Map<readonly Coding[], Recent<string, Acceptable<Coding>>>();

  /** @param field the visitor's `Accept-Encoding`
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
