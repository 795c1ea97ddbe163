/** What an adapter may do with a response that is tapped. */
import type { Party } from "./departure.js";

export interface Tapped {
  /** Whether the handler has written to the response itself. */
  readonly begun: boolean;
  /** Whether the client was given another response because the handler took too long. */
  readonly stoodIn: boolean;
  /** A framework sends what its handler has left elsewhere: the hooks inside speak now, what they change is set on the response, and calls go where they went before.
   * @param successor is told of the client from now on */
  release(successor: Party): void;
}
