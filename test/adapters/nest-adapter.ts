/** Nest as one of the frameworks of the shared suite: the interceptor around a handler whose result Nest sends, and whose errors its filter answers. */
import { Readable } from "node:stream";
import type { RequestListener } from "node:http";
import { All, Controller, Module, Req, Res, StreamableFile } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import type { NestExpressApplication } from "@nestjs/platform-express";
import type { ExpressDiskCache } from "@diskcache/express";
import { Cached } from "@diskcache/nest";
import type { Request, Response } from "express";
import { NEVER } from "rxjs";
import { DiskCacheInterceptor } from "../../packages/nest/src/interceptor.js";
import { ANSWERED } from "./adapters.js";
import type { Application, Page } from "./adapters.js";

export async function nestApplication(
  cache: ExpressDiskCache,
  { handler, policy, purger, parsed = false }: Application,
): Promise<RequestListener> {
  class Pages {
    async handle(req: Request, res: Response): Promise<unknown> {
      const page = await handler({ req, res, directives: req.diskCache });
      return page === ANSWERED ? NEVER : resultOf(res, page);
    }
  }
  // What decorators are without their syntax, which only a configuration of its own would compile.
  const { prototype } = Pages;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, "handle")!;
  Req()(prototype, "handle", 0);
  Res({ passthrough: true })(prototype, "handle", 1);
  All("{*path}")(prototype, "handle", descriptor);
  if (policy !== undefined) Cached(policy)(prototype, "handle", descriptor);
  Controller()(Pages);
  // oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows modules by their classes
  class Root {}
  Module({ controllers: [Pages] })(Root);

  const options = { logger: false, bodyParser: parsed } as const;
  const app = await NestFactory.create<NestExpressApplication>(Root, new ExpressAdapter(), options);
  if (purger !== undefined) app.use("/_purge", cache.purger(purger));
  app.useGlobalInterceptors(new DiskCacheInterceptor(cache));
  await app.init();
  return app.getHttpAdapter().getInstance();
}

// What a handler returns, so that Nest sends that.
function resultOf(res: Response, { status = 200, headers = {}, body }: Page): unknown {
  res.status(status).set(headers as Record<string, string>);
  return body instanceof Readable || Buffer.isBuffer(body) ? new StreamableFile(body as Readable) : body;
}
