/**
 * Programs by chance, as fast-check makes and shrinks them: mostly what applications do, in every combination. Never
 * decides what is right.
 */
import fc from "fast-check";
import { client, inside, leaves, outside, schedule, world } from "./generate-clients.js";
import { handler } from "./generate-handlers.js";
import { paced } from "./generate-paced.js";
import type { ClientScript, Middleware, Program } from "./program.js";
import { compact } from "./tidy.js";
import { of } from "./weights.js";

function withClients(leaving: boolean): fc.Arbitrary<Program> {
  const followers = fc.array(client(leaving ? 4 : 0), { maxLength: 3 });
  const first = client(0).chain((script) =>
    leaving ? leaves.map((at): ClientScript => ({ ...script, leaves: at })) : fc.constant(script),
  );
  return fc.tuple(first, followers).chain(([one, others]) => {
    const clients = [one, ...others];
    return fc
      .record({
        handler: handler(leaving),
        inside,
        outside: fc.oneof(of(2, fc.constant<readonly Middleware[]>([])), of(1, outside)),
        clients: fc.constant(clients),
        acts: schedule(clients.length),
        world,
      })
      .map(compact);
  });
}

/** In three of ten programs somebody leaves. */
export const programs: fc.Arbitrary<Program> = fc.oneof(
  of(6, withClients(false)),
  of(3, withClients(true)),
  of(1, paced),
);
