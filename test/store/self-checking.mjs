/** Bodies that say whose they are and when their making began, and show any byte that is not theirs. */
import { createHash } from "node:crypto";

/** @param {string} key @param {number} bytes @param {string | number | bigint} [begun] */
export function bodyIn(key, bytes, begun = 0) {
  const filling = Buffer.alloc(bytes, `${key} ${bytes} ${begun}\n`);
  const digest = createHash("sha256").update(`${key}\n${begun}\n`).update(filling).digest("hex");
  return Buffer.concat([Buffer.from(`${key}\n${begun}\n${digest}\n`), filling]);
}

/** What is wrong with a body that was found under `key`, or when its making began. */
export function checked(key, body) {
  const [named = "", begun = "", digest = ""] = body.subarray(0, 300).toString("latin1").split("\n");
  if (named !== key) return { wrong: `belongs to ${named}` };
  const filling = body.subarray(named.length + begun.length + digest.length + 3);
  const expected = createHash("sha256").update(`${named}\n${begun}\n`).update(filling).digest("hex");
  return expected === digest ? { begun } : { wrong: "torn" };
}
