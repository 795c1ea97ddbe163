/** Reads the beginning of a stored body before the head that goes with it is sent: what cannot be read is found out while something else can still be answered. Copies nothing, and reads nothing twice. */
import { setImmediate } from "node:timers";
import type { BodyReader } from "../store/contract.js";
import type { BodySource, ByteSpan } from "./outgoing.js";

/** @param source of a body that is whole: one that is still being made would hold up its head
 * @returns the same body, for a reader that comes in this turn; `undefined` when it cannot be read */
export async function readFirst(source: BodySource): Promise<BodySource | undefined> {
  const span = source.pieces.find((piece): piece is ByteSpan => !Buffer.isBuffer(piece));
  if (span === undefined) return source;
  const reader = source.open();
  try {
    // The reader keeps the piece until it is asked for another one.
    if ((await reader.read(span.start, span.end)).length > 0) return begun(source, reader);
  } catch {
    // The store has told of it.
  }
  reader.close();
  return undefined;
}

function begun(source: BodySource, reader: BodyReader): BodySource {
  let held: BodyReader | undefined = reader;
  const take = (): BodyReader | undefined => {
    const taken = held;
    held = undefined;
    return taken;
  };
  // Its client may have left: then nobody opens it.
  setImmediate(() => take()?.close());
  return { pieces: source.pieces, open: () => take() ?? source.open() };
}
