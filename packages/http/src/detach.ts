/** A handler whose calls are for no client any more. */
import type { ServerResponse } from "node:http";
import { finished } from "node:stream";
import type { Readable } from "node:stream";

/** Its calls must not reach what another response goes out by. The methods that write are the tap's. */
export function detach(res: ServerResponse): void {
  // So many times, and no more: what Node counts of a response that has ended does not always fall.
  for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
  res.cork = res.uncork = () => {};
}

/** Ends the streams that are piped to it, where no one else reads them. */
export function endSources(res: ServerResponse, sources: readonly Readable[]): void {
  for (const source of sources) {
    source.unpipe(res);
    if (source.listenerCount("data") === 0) source.destroy();
  }
}

/** A source that fails ends nothing by itself. */
export function whenItFails(source: Readable, act: () => void): void {
  finished(source, { writable: false }, (error) => {
    if (error) act();
  });
}
