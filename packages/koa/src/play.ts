/** Plays a response from the cache into the onion: status, fields and body are set, and middleware outside goes on as if a handler had. */
import { Readable } from "node:stream";
import type { BodySource, OutgoingResponse } from "@diskcache/core";
import { bodyPieces, headerGroups } from "@diskcache/http";
import type { Context } from "koa";

export function play(ctx: Context, response: OutgoingResponse): void {
  const { status, statusText, headers, outer, body } = response;
  ctx.status = status;
  if (statusText !== "") ctx.message = statusText;
  const before = new Set(Object.keys(ctx.response.headers));
  if (body === undefined) {
    // A null body would turn 200 into 204, which an answer to HEAD is not.
    if (ctx.method !== "HEAD") ctx.body = null;
    ctx.status = status;
  } else {
    ctx.body = Buffer.isBuffer(body) ? body : streamOf(body, ctx);
    if (!before.has("content-type")) ctx.remove("Content-Type");
  }
  for (const name of outer.removed) ctx.remove(name);
  for (const [name, { name: asSent, values }] of headerGroups(headers)) {
    if (!(before.has(name) && outer.kept.includes(name))) ctx.set(asSent, values.length === 1 ? values[0]! : values);
  }
}

// A body that turns out to be damaged ends in an error, and the connection is broken: a short body never looks whole. Koa 2 would leave it open.
function streamOf(source: BodySource, { res }: Context): Readable {
  const reader = source.open();
  const pieces = bodyPieces(source, reader);
  return new Readable({
    read() {
      pieces.next().then(
        // A stream keeps what it is given.
        ({ done, value }) => this.push(done === true ? null : Buffer.from(value)),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      reader.close();
      if (error !== null && res.headersSent) res.destroy();
      done(error);
    },
  });
}
