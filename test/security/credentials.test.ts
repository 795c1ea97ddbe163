/** Clients known by something else than `Authorization` and cookies: what one of them gets is for nobody else. */
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { diskCache as forExpress } from "@diskcache/express";
import { diskCache as forHttp } from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import { diskCache as forKoa } from "@diskcache/koa";
import express from "express";
import Koa from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { CERTIFICATE, KEY } from "../support/self-signed.js";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite, serveSite } from "../adapters/site.js";

const FIELDS = [
  "X-API-Key",
  "X-Auth-Token",
  "X-Access-Token",
  "Proxy-Authorization",
  "X-Forwarded-User",
  "X-Remote-User",
  "X-Amzn-Oidc-Identity",
  "X-Amzn-Oidc-Data",
  "Cf-Access-Jwt-Assertion",
  "Cf-Access-Authenticated-User-Email",
  "X-Goog-Iap-Jwt-Assertion",
  "X-Goog-Authenticated-User-Email",
  "X-Auth-Request-Email",
  "X-MS-Client-Principal-Id",
  "Remote-User",
  "Tailscale-User-Login",
  "X-Forwarded-Client-Cert",
  "X-SSL-Client-DN",
];
/** More of the same kinds. */
const MORE_FIELDS = [
  "X-Goog-Api-Key",
  "Access-Token",
  "Auth-Token",
  "X-Auth",
  "X-Authentication",
  "X-Jwt",
  "X-JWT-Assertion",
  "X-Client-Secret",
  "Job-Token",
  "X-Gravitee-Api-Key",
  "X-IBM-Client-Id",
  "X-Hasura-User-Id",
  "X-Userinfo",
  "X-Endpoint-API-UserInfo",
  "X-Apigateway-Api-Userinfo",
  "X-Vouch-User",
  "OIDC_CLAIM_email",
  "Shib-Session-ID",
  "X-Amzn-Mtls-Clientcert-Subject",
  "X-SSL-Cert",
];

describe.each(ADAPTERS)("$name: a client known by", (adapter) => {
  const page = ({ req }: { readonly req: IncomingMessage }, fields = FIELDS, headers = {}) => {
    const name = fields.find((field) => req.headers[field.toLowerCase()] !== undefined);
    return { headers, body: `hello ${name === undefined ? "all" : String(req.headers[name.toLowerCase()])}` };
  };

  it.each(FIELDS)("%s has a page of its own, and others have theirs", async (field) => {
    const site = await openSite(adapter, { handler: page });
    const said: string[] = [];
    for (const user of ["alice", undefined, "bob", "alice", undefined])
      said.push((await site.visit("/", { headers: user === undefined ? {} : { [field]: user } })).text);
    expect(said).toEqual(["hello alice", "hello all", "hello bob", "hello alice", "hello all"]);
    expect(site.renders).toBe(4);
  });

  it.each(MORE_FIELDS)("%s gets nobody's page, and nobody else gets what it got", async (field) => {
    const site = await openSite(adapter, { handler: (asked) => page(asked, [field]) });
    const said: string[] = [];
    for (const user of ["alice", undefined, "bob"])
      said.push((await site.visit("/", { headers: user === undefined ? {} : { [field]: user } })).text);
    expect(said).toEqual(["hello alice", "hello all", "hello bob"]);
  });

  it("a field that the application names has one, too, and one that it ignores has that of all", async () => {
    const options = { ttl: 60, credentials: { fields: ["X-Acme-*"], ignore: ["X-API-Key", "x-goog-*"] } };
    const site = await openSite(adapter, { options, handler: (asked) => page(asked, ["X-Acme-Token"]) });
    const visit = async (headers: Record<string, string>) => (await site.visit("/", { headers })).text;
    expect(await visit({ "x-acme-token": "alice" })).toBe("hello alice");
    expect(await visit({ "x-acme-token": "bob" })).toBe("hello bob");
    for (const field of ["x-api-key", "x-goog-iap-jwt-assertion"])
      expect(await visit({ [field]: "k" })).toBe("hello all");
    expect(site.renders).toBe(3);
  });

  it("a field has a page of its own kept where the field is keyed, and one for all where it is public", async () => {
    const keyed = await openSite(adapter, { options: { ttl: 60, key: { headers: ["x-api-key"] } }, handler: page });
    for (const user of ["alice", "bob", "alice", "bob"])
      expect((await keyed.visit("/", { headers: { "x-api-key": user } })).text).toBe(`hello ${user}`);
    expect(keyed.renders).toBe(2);
    const shared = await openSite(adapter, {
      handler: (asked) => page(asked, [], { "Cache-Control": "public, max-age=60" }),
    });
    for (const user of ["alice", "bob"]) await shared.visit("/", { headers: { "x-api-key": user } });
    expect(shared.renders).toBe(1);
  });

  it("a field is not answered in front of the framework, nor is the field part of a rendering for all", async () => {
    const options = { ttl: "1s", staleWhileRevalidate: "10m" } as const;
    const site = await openSite(adapter, { options, front: true, handler: page });
    await site.visit("/");
    expect((await site.visit("/", { headers: { "x-api-key": "alice" } })).text).toBe("hello alice");
    site.clock.advance(5);
    expect((await site.visit("/")).text).toBe("hello all");
    while (site.renders < 3) await new Promise(setImmediate);
    expect((await site.visit("/")).text).toBe("hello all");
  });
});

interface Recognising {
  readonly name: string;
  /** Middleware before the cache recognises who asks by the field `x-me`, and the page says who that was. */
  readonly make: (dir: string, options?: object) => { readonly cache: CacheHandle; readonly listener: RequestListener };
}

const asker = (req: IncomingMessage): string | undefined => req.headers["x-me"] as string | undefined;

function byExpress(name: string, recognise: (req: Record<string, unknown>, user: string) => void): Recognising {
  return {
    name,
    make(dir, options = {}) {
      const cache = forExpress({ dir, ttl: "5m", ...options });
      const app = express();
      app.use((req, _res, next) => {
        const user = asker(req);
        if (user !== undefined) recognise(req as never, user);
        next();
      });
      app.use(cache);
      app.use((req, res) => void res.send(`hello ${asker(req) ?? "all"}`));
      return { cache, listener: app };
    },
  };
}

function byKoa(name: string, recognise: (ctx: Koa.Context, user: string) => void): Recognising {
  return {
    name,
    make(dir, options = {}) {
      const cache = forKoa({ dir, ttl: "5m", ...options });
      const app = new Koa();
      app.use((ctx, next) => {
        const user = asker(ctx.req);
        if (user !== undefined) recognise(ctx, user);
        return next();
      });
      app.use(cache);
      app.use((ctx) => void (ctx.body = `hello ${asker(ctx.req) ?? "all"}`));
      const handle = app.callback();
      return { cache, listener: (req, res) => void handle(req, res) };
    },
  };
}

describe.each([
  byExpress("req.user", (req, user) => (req["user"] = { user })),
  byExpress("req.auth", (req, user) => (req["auth"] = { sub: user })),
  byExpress("req.session.user", (req, user) => (req["session"] = { user })),
  byExpress("passport's session", (req, user) => (req["session"] = { passport: { user } })),
  byExpress("a session that cannot be read", (req) =>
    Object.defineProperty(req, "session", {
      get() {
        throw new Error("no store");
      },
    }),
  ),
  byKoa("ctx.state.user", (ctx, user) => (ctx.state["user"] = { user })),
  byKoa("ctx.req.user", (ctx, user) => ((ctx.req as { user?: unknown }).user = { user })),
])("a client whom middleware before the cache knows by $name", ({ make }) => {
  it("has a page of its own, unless the application says whose it is, or that it says nothing", async () => {
    for (const { options, renders } of [
      { options: {}, renders: 4 },
      {
        options: { partition: (native: { req?: IncomingMessage }) => asker(native.req ?? (native as never)) },
        renders: 3,
      },
      { options: { credentials: { user: false }, vary: ["x-me"] }, renders: 3 },
    ]) {
      const dir = temporaryDirectory();
      const clock = new ManualClock();
      const { cache, listener } = make(dir, { clock, ...options });
      let rendered = 0;
      cache.on("forward", () => rendered++);
      const site = await serveSite(cache, clock, dir, listener);
      onTestFinished(() => site.close());
      const said: string[] = [];
      for (const user of ["alice", undefined, "bob", "alice", undefined])
        said.push((await site.visit("/", { headers: user === undefined ? {} : { "x-me": user } })).text);
      expect(said).toEqual(["hello alice", "hello all", "hello bob", "hello alice", "hello all"]);
      expect(rendered).toBe(renders);
    }
  });
});

describe("a client that shows a certificate", () => {
  it.each([
    { options: {}, said: ["hello alice", "hello all", "hello alice", "hello all"], renders: 3 },
    { options: { credentials: { certificate: false } }, said: Array<string>(4).fill("hello alice"), renders: 1 },
  ])("has a page of its own unless that says nothing ($options)", async ({ options, said, renders }) => {
    const cache = forHttp({ dir: temporaryDirectory(), ttl: "5m", ...options });
    let rendered = 0;
    const handler = cache((req, res) => {
      rendered++;
      res.end(`hello ${(req.socket as TLSSocket).authorized ? "alice" : "all"}`);
    });
    const tls = { key: KEY, cert: CERTIFICATE, ca: CERTIFICATE, requestCert: true, rejectUnauthorized: false };
    const server = createServer(tls, handler).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(async () => {
      server.close();
      await cache.close();
    });
    const { port } = server.address() as AddressInfo;
    const visit = async (own: object): Promise<string> => {
      const asked = request({ port, host: "localhost", ca: CERTIFICATE, agent: false, ...own }).end();
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      return text(answer);
    };
    const answers: string[] = [];
    for (const own of [{ key: KEY, cert: CERTIFICATE }, {}, { key: KEY, cert: CERTIFICATE }, {}])
      answers.push(await visit(own));
    expect([answers, rendered]).toEqual([said, renders]);
  });
});
