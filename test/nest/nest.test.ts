/** `@diskcache/nest` in whole applications, over real sockets. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Cached, DiskCacheModule, DiskCacheService, NeverCached, Purges } from "@diskcache/nest";
import { diskCache } from "@diskcache/express";
import {
  Controller,
  Get,
  Header,
  HttpException,
  Inject,
  Injectable,
  Module,
  Param,
  Post,
  Query,
  Res,
  Sse,
  StreamableFile,
  UseGuards,
} from "@nestjs/common";
import type { CanActivate, DynamicModule, ExecutionContext, INestApplication, Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import type { Request, Response } from "express";
import { map, of } from "rxjs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";

let renders = 0;
const MISS = "diskcache; fwd=uri-miss; stored";
const HIT = expect.stringMatching(/^diskcache; hit; ttl=\d+$/) as unknown;

/** Lets in who knows the word; not a credential that the cache knows of. */
@Injectable()
class WordGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<Request>().headers["x-word"] === "open";
  }
}

@Controller("pages")
class Pages {
  @Get("plain/:id")
  @Header("X-Made-By", "nest")
  plain(@Param("id") id: string): string {
    return `page ${id}, render ${++renders}`;
  }

  @UseGuards(WordGuard)
  @Get("guarded")
  guarded(): string {
    return `guarded, render ${++renders}`;
  }

  @Cached({ ttl: "1h", tags: (req) => [`report:${String(req.params["id"])}`] })
  @Get("report/:id")
  above(@Param("id") id: string, @Query("q") q?: string): object {
    return { id, q, render: ++renders };
  }

  @NeverCached()
  @Get("never/:id")
  never(@Param("id") id: string): string {
    return `never ${id}, render ${++renders}`;
  }

  @Post("report/:id")
  @Purges((req) => [{ tag: `report:${String(req.params["id"])}` }])
  save(@Param("id") id: string): object {
    if (id === "bad") throw new HttpException("no", 422);
    return { saved: id };
  }

  @Get("stream")
  stream(): StreamableFile {
    return new StreamableFile(Readable.from([Buffer.from("one "), Buffer.from(`render ${++renders}`)]));
  }

  @Get("observable")
  observable() {
    return of(`observed, render ${++renders}`);
  }

  @Get("failing")
  failing(): string {
    throw new HttpException(`failed, render ${++renders}`, 503);
  }

  @Get("half")
  half(@Res() res: Response): void {
    res.type("text/plain").write(`half of render ${++renders}`);
    throw new Error("down");
  }

  @Sse("events")
  events() {
    return of({ data: "one" }, { data: "two" });
  }
}

@Cached("1h")
@Controller("hours")
class Hours {
  @Get("hour")
  hour(): string {
    return `render ${++renders}`;
  }

  @Get("minute")
  @Cached("1m")
  minute(): string {
    return `render ${++renders}`;
  }
}

@Injectable()
class Editor {
  readonly pages: DiskCacheService;

  constructor(@Inject(DiskCacheService) pages: DiskCacheService) {
    this.pages = pages;
  }
}

describe("DiskCacheModule", () => {
  it("answers from the cache what a handler has made, fields of decorators too", async () => {
    const { get } = await start();
    const [missed, hit] = [await get("/pages/plain/7"), await get("/pages/plain/7")];
    expect([missed.text, missed.cacheStatus]).toEqual([hit.text, MISS]);
    expect(hit.cacheStatus).toEqual(HIT);
    expect([missed.made, hit.made]).toEqual(["nest", "nest"]);
  });

  it.each(["/pages/report/7?q=a", "/pages/stream", "/pages/observable"])("answers %s from the cache", async (path) => {
    const { get } = await start();
    const [missed, hit] = [await get(path), await get(path)];
    expect([hit.text, hit.type, hit.status]).toEqual([missed.text, missed.type, missed.status]);
    expect(hit.cacheStatus).toEqual(HIT);
  });

  it("asks the guard of a page that is stored", async () => {
    const { get } = await start();
    const open = { "x-word": "open" };
    expect((await get("/pages/guarded", open)).cacheStatus).toBe(MISS);
    expect((await get("/pages/guarded", open)).cacheStatus).toEqual(HIT);
    expect((await get("/pages/guarded")).status).toBe(403);
  });

  it("has the answer of a guard for no other client", async () => {
    const { get } = await start();
    expect((await get("/pages/guarded")).status).toBe(403);
    expect((await get("/pages/guarded", { "x-word": "open" })).status).toBe(200);
  });

  it("stores nothing of a failed handler, and lets the exception filter answer", async () => {
    const { get } = await start();
    for (const _ of [1, 2]) {
      const { status, text, cacheStatus } = await get("/pages/failing");
      expect([status, text, cacheStatus]).toEqual([
        503,
        expect.stringContaining(`failed, render ${renders}`),
        "diskcache; fwd=uri-miss; detail=no-freshness",
      ]);
    }
  });

  it("stores nothing of a page whose handler fails after it has begun, which Nest ends as if it were whole", async () => {
    const { get } = await start();
    for (let n = 0; n < 2; n++) expect((await get("/pages/half")).text).toBe(`half of render ${renders}`);
    expect((await get("/pages/half")).cacheStatus).toBe("diskcache; fwd=uri-miss; storing");
  });

  it("stores what other interceptors make of the result", async () => {
    const { get, app } = await start({ listen: false });
    let calls = 0;
    app.useGlobalInterceptors({
      intercept: (_, next) => {
        calls += 1;
        return next.handle().pipe(map((page) => `<${String(page)}>`));
      },
    });
    await app.listen(0);
    const [missed, hit] = [await get("/pages/plain/7"), await get("/pages/plain/7")];
    expect([missed.text, hit.text, hit.cacheStatus]).toEqual([
      `<page 7, render ${renders}>`,
      `<page 7, render ${renders}>`,
      HIT,
    ]);
    expect(calls).toBe(1); // those stand behind the cache
  });

  it("makes a page once for clients that ask at the same time", async () => {
    const { get } = await start();
    const before = renders;
    const texts = await Promise.all(Array.from({ length: 5 }, async () => (await get("/pages/plain/7")).text));
    expect(texts).toEqual(Array(5).fill(`page 7, render ${before + 1}`));
  });

  it("leaves event streams alone", async () => {
    const { get } = await start();
    const { text, cacheStatus } = await get("/pages/events");
    expect([text.match(/data: \w+/g), cacheStatus]).toEqual([["data: one", "data: two"], undefined]);
  });

  it("works behind the same cache as middleware", async () => {
    const { get, app } = await start({ listen: false });
    app.use(app.get(DiskCacheService).cache);
    await app.listen(0);
    await get("/pages/plain/7");
    expect((await get("/pages/plain/7")).cacheStatus).toEqual(HIT);
  });

  it("takes options that other providers know", async () => {
    const useFactory = (dir: string) => ({ dir, ttl: "5m" }) as const;
    @Module({ providers: [{ provide: "DIR", useFactory: temporaryDirectory }], exports: ["DIR"] })
    class Settings {}
    const { get } = await start({
      module: DiskCacheModule.forRootAsync({ imports: [Settings], inject: ["DIR"], useFactory }),
    });
    await get("/pages/plain/7");
    expect((await get("/pages/plain/7")).cacheStatus).toEqual(HIT);
  });

  it("refuses wrong options when the application starts", async () => {
    const module = DiskCacheModule.forRoot({ dir: temporaryDirectory(), tll: "5m" } as never);
    await expect(start({ module })).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
  });

  it("refuses a wrong policy of a decorator when the application starts", async () => {
    @Controller()
    class Mistaken {
      @Get()
      @Cached({ ttl: "5 apples" as never })
      page(): string {
        return "";
      }
    }
    await expect(start({ controllers: [Mistaken] })).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
  });

  it("refuses another platform than Express when the application starts", async () => {
    const adapter = Object.assign(new ExpressAdapter(), { getType: () => "fastify" });
    await expect(start({ adapter })).rejects.toThrow(/serverFactory/);
  });

  it("closes the cache with the application", async () => {
    const { app } = await start();
    const { cache } = app.get(DiskCacheService);
    await app.close();
    await expect(cache.purge("/")).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
  });
});

describe("the decorators", () => {
  it("lay the policy of a method over that of its controller", async () => {
    const { get } = await start();
    await get("/hours/hour");
    await get("/hours/minute");
    expect(ttl((await get("/hours/hour")).cacheStatus)).toBeGreaterThan(3500);
    expect(ttl((await get("/hours/minute")).cacheStatus)).toBeLessThanOrEqual(60);
  });

  it("of two controllers with one inherited method are apart", async () => {
    class Inherited {
      @Get()
      page(): string {
        return `render ${++renders}`;
      }
    }
    @Cached("1h")
    @Controller("long")
    class Long extends Inherited {}
    @NeverCached()
    @Controller("never")
    class Never extends Inherited {}
    const { get } = await start({ controllers: [Long, Never] });
    for (const _ of [1, 2]) await Promise.all([get("/long"), get("/never")]);
    expect([(await get("/long")).cacheStatus, (await get("/never")).cacheControl]).toEqual([
      HIT,
      expect.stringContaining("no-store"),
    ]);
  });

  it("keep what is never cached out of every cache", async () => {
    const { get } = await start();
    for (const _ of [1, 2]) {
      const { text, cacheControl } = await get("/pages/never/7");
      expect([text, cacheControl]).toEqual([`never 7, render ${renders}`, expect.stringContaining("no-store")]);
    }
  });

  it("purge what a successful request has made out of date, and nothing for one that failed", async () => {
    const { get, post } = await start();
    const cacheStatus = async () => (await get("/pages/report/bad")).cacheStatus;
    await cacheStatus();
    expect((await post("/pages/report/bad")).status).toBe(422);
    expect(await cacheStatus()).toEqual(HIT);
    await get("/pages/report/7");
    expect((await post("/pages/report/7")).status).toBe(201);
    expect((await get("/pages/report/7")).cacheStatus).toBe(MISS);
  });

  it("leave Nest's own metadata, the plain decorators of the Express package too", async () => {
    const cache = diskCache({ dir: temporaryDirectory(), ttl: "5m" });
    @Controller("handler")
    class Handler {
      @cache.cached("5m")
      @Get("above")
      @Header("X-Made-By", "nest")
      above(): string {
        return "above";
      }
    }
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
    const { get } = await start({ controllers: [Handler] });
    const { status, text, made } = await get("/handler/above");
    expect([status, text, made]).toEqual([200, "above", "nest"]);
    expect(warned).toHaveBeenCalledWith(expect.stringContaining("@diskcache/nest"), expect.anything());
  });
});

it("DiskCacheService is injected everywhere, and purges", async () => {
  const { get, app } = await start({ providers: [Editor] });
  await get("/pages/report/7");
  const { pages } = app.get(Editor);
  expect((await get("/pages/report/7")).cacheStatus).toEqual(HIT);
  await pages.purgeTag("report:7");
  expect((await get("/pages/report/7")).cacheStatus).toBe(MISS);
  expect(await pages.stats()).toMatchObject({ hits: 1 });
});

interface Start {
  readonly module?: DynamicModule;
  readonly controllers?: Type[];
  readonly providers?: Type[];
  readonly listen?: boolean;
  readonly adapter?: ExpressAdapter;
}

async function start({
  module = DiskCacheModule.forRoot({ dir: temporaryDirectory(), ttl: "5m" }),
  controllers = [Pages, Hours],
  providers = [],
  listen = true,
  adapter = new ExpressAdapter(),
}: Start = {}) {
  @Module({ imports: [module], controllers, providers })
  class App {}
  const app: INestApplication = await NestFactory.create(App, adapter, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  if (listen) await app.listen(0);
  const ask = async (path: string, headers: Record<string, string>, method: string) => {
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    const answer = await visit(`http://localhost:${port}`, path, { headers, method });
    return {
      status: answer.status,
      text: answer.text,
      cacheStatus: answer.lines("cache-status")[0],
      cacheControl: answer.lines("cache-control")[0],
      made: answer.lines("x-made-by")[0],
      type: answer.lines("content-type")[0],
    };
  };
  return {
    app,
    get: (path: string, headers: Record<string, string> = {}) => ask(path, headers, "GET"),
    post: (path: string) => ask(path, {}, "POST"),
  };
}

function ttl(cacheStatus: string | undefined): number {
  return Number(/ttl=(?<seconds>\d+)/.exec(cacheStatus ?? "")?.groups?.["seconds"]);
}
