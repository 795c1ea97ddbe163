/** Takes out of a generated program what is not meant, and what says nothing. Never adds anything. */
import { withoutUndefined } from "./program.js";
import type { ClientScript, Program } from "./program.js";

/** So that it can be read. */
export function compact(program: Program): Program {
  const said = Object.entries(plainConditions(withoutRepeats(program))).filter(
    ([, part]) => Object.keys(part as object).length > 0,
  );
  return { handler: [], clients: [], ...Object.fromEntries(said) };
}

// Express settles a condition before the hooks have spoken: what they then make of its 304 is no response that
// anybody means.
function plainConditions({ clients, ...program }: Program): Program {
  const { handler, inside = [] } = program;
  const hooked = inside.some(({ use }) => use === "hook") || handler.some((step) => step.do === "late");
  const sent = handler.some((step) => step.do === "end" && step.form === "send");
  return { ...program, clients: hooked && sent ? clients.map(unconditional) : clients };
}

function unconditional(script: ClientScript): ClientScript {
  return withoutUndefined({ ...script, match: undefined });
}

// Node 20 takes the last of several lines that `writeHead` is given in a list; this cache keeps them all.
function withoutRepeats({ handler, ...program }: Program): Program {
  const single = handler.map((step) =>
    step.do === "head"
      ? { ...step, fields: [...new Map(step.fields.map((field) => [field[0], field])).values()] }
      : step,
  );
  return { handler: single, ...program };
}
