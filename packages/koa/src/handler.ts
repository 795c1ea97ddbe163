/** What a handler of Koa is, for those who wrap one. */
import type { Next } from "koa";

/** A handler or controller method of Koa. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class may be decorated, under any state and context
export type Handler = (this: any, ctx: any, next: Next) => unknown;
