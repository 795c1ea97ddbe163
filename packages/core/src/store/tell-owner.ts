/** What a store observes, as the owner of a cache is told of it. Leaves out what has been reported, and decides nothing
 * else. */
import type { StoreEvents } from "../base/observer.js";
import type { StoreEvent } from "./contract.js";

export type TellOwner = <Name extends keyof StoreEvents>(name: Name, event: StoreEvents[Name]) => void;

export function tellOwner(event: StoreEvent, tell: TellOwner): void {
  switch (event.type) {
    case "error":
      return event.said ? undefined : tell("error", event.error);
    case "corrupt":
    case "too-small":
      return tell("error", event.error);
    case "skip":
      return tell("write-skipped", { reason: event.reason, key: event.key });
    case "evict":
      return tell("evict", { reason: event.reason, entries: event.entries, bytes: event.bytes });
    case "pause":
      return tell("pause", { code: event.code, forMs: event.forMs });
    case "resume":
      return tell("resume", {});
    case "log-restarted":
      return tell("log-restarted", { problem: event.problem });
  }
}
