/** Sessions, logins and form tokens as applications use them, on either side of the cache: nobody ever sees a name or a
 * token of somebody else. */
import { diskCache as expressCache } from "@diskcache/express";
import { diskCache as koaCache } from "@diskcache/koa";
import cookieParser from "cookie-parser";
import cookieSession from "cookie-session";
import { doubleCsrf } from "csrf-csrf";
import { csrfSync } from "csrf-sync";
import express5 from "express";
import express4 from "express4";
import type { Request, RequestHandler } from "express";
import session from "express-session";
import Koa3 from "koa";
import koaSession from "koa-session";
import Koa2 from "koa2";
import passport from "passport";
import { describe, expect, it } from "vitest";
import { serveSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import type { Answer } from "../support/visit.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const NAMES = ["ann", "bob", "nobody"];
const SECRET = "a secret of the application's, long enough";

/** Middleware that knows its client, and what it says of it. */
interface Login {
  readonly middleware: readonly RequestHandler[];
  readonly enter: (req: Request, name: string) => void | Promise<void>;
  readonly name: (req: Request) => string | undefined;
  /** A token for his forms. */
  readonly token?: (req: Request) => string;
}

const fieldsOf = (req: Request) => req as unknown as Record<"session" | "user", Record<string, unknown> | undefined>;
const expressSession = (saveUninitialized: boolean, rolling = false) =>
  session({ secret: SECRET, resave: false, saveUninitialized, rolling, store: new session.MemoryStore() });
const bySession = {
  enter: (req: Request, name: string) => void (fieldsOf(req).session!["name"] = name),
  name: (req: Request) => fieldsOf(req).session?.["name"] as string | undefined,
};

const LOGINS: readonly { readonly login: string; readonly make: () => Login }[] = [
  { login: "express-session", make: () => ({ ...bySession, middleware: [expressSession(false)] }) },
  {
    login: "express-session that saves everything",
    make: () => ({ ...bySession, middleware: [expressSession(true, true)] }),
  },
  {
    login: "cookie-session",
    make: () => ({ ...bySession, middleware: [cookieSession({ keys: [SECRET] })] }),
  },
  {
    login: "passport",
    make: () => {
      const people = new passport.Passport();
      people.serializeUser((user, done) => done(null, user));
      people.deserializeUser((user: Express.User, done) => done(null, user));
      return {
        middleware: [expressSession(false), people.session()],
        enter: (req, name) =>
          new Promise<void>((resolve, reject) => {
            req.login({ name }, (error?: Error) => (error ? reject(error) : resolve()));
          }),
        name: (req) => fieldsOf(req).user?.["name"] as string | undefined,
      };
    },
  },
  {
    login: "csrf-sync on a session",
    make: () => {
      const { generateToken } = csrfSync();
      return { ...bySession, middleware: [expressSession(false)], token: (req) => generateToken(req as never) };
    },
  },
  {
    login: "csrf-csrf on a cookie",
    make: () => {
      const { generateCsrfToken } = doubleCsrf({
        getSecret: () => SECRET,
        getSessionIdentifier: (req) => req.sessionID,
        cookieName: "csrf",
        cookieOptions: { secure: false },
      });
      return {
        ...bySession,
        middleware: [cookieParser(), expressSession(true)],
        token: (req) => generateCsrfToken(req as never, req.res as never),
      };
    },
  },
];

const ORDERS = ["before the cache", "after the cache"] as const;
const FRAMEWORKS = [
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
];

describe.each(FRAMEWORKS)("$framework", ({ express }) => {
  describe.each(LOGINS)("$login", ({ make }) => {
    it.each(ORDERS)("%s shows everybody his own", async (order) => {
      const { middleware, enter, name, token } = make();
      const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
      const cache = expressCache({ dir, clock, ttl: "5m" });
      const app = express();
      app.set("env", "test");
      app.use(...(order === "before the cache" ? [...middleware, cache] : [cache, ...middleware]));
      app.post("/login/:name", async (req, res) => {
        await enter(req, req.params["name"]);
        res.send("welcome");
      });
      app.get("/page", (req, res) => void res.send(`hello ${name(req) ?? "nobody"}`));
      app.get("/form", (req, res) => void res.send(`token ${token?.(req) ?? name(req) ?? "nobody"}`));
      const site = await serveSite(cache, clock, dir, app);
      await expect(tryEverybody(site, token !== undefined)).resolves.toBeUndefined();
    });
  });
});

describe.each([
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
])("$framework", ({ Koa }) => {
  it.each(ORDERS)("koa-session %s shows everybody his own", async (order) => {
    const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
    const cache = koaCache({ dir, clock, ttl: "5m" });
    const app = new Koa();
    app.keys = [SECRET];
    const sessions = koaSession(app);
    for (const middleware of order === "before the cache" ? [sessions, cache] : [cache, sessions]) app.use(middleware);
    app.use((ctx) => {
      const entering = /^\/login\/(.+)$/.exec(ctx.path)?.[1];
      if (entering !== undefined) ctx.session!["name"] = entering;
      ctx.body = `${ctx.path === "/page" ? "hello" : "token"} ${String(ctx.session!["name"] ?? "nobody")}`;
    });
    const listener = app.callback();
    const site = await serveSite(cache, clock, dir, (req, res) => void listener(req, res));
    await expect(tryEverybody(site, false)).resolves.toBeUndefined();
  });
});

/** Somebody with the cookies he was given. */
class Visitor {
  readonly name: string;
  readonly #site: Site;
  readonly #cookies = new Map<string, string>();

  constructor(site: Site, name: string) {
    this.#site = site;
    this.name = name;
  }

  async visit(target: string, method = "GET"): Promise<Answer> {
    const cookie = [...this.#cookies].map((pair) => pair.join("=")).join("; ");
    const answer = await this.#site.visit(target, { method, headers: cookie === "" ? {} : { cookie } });
    for (const line of answer.lines("set-cookie")) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.#cookies.set(name!, value!);
    }
    return answer;
  }
}

async function tryEverybody(site: Site, tokens: boolean): Promise<void> {
  const clients = NAMES.map((name) => new Visitor(site, name));
  // The anonymous page is there first; whoever has logged in since must not be given it.
  expect((await site.visit("/page")).text).toBe("hello nobody");
  for (const client of clients) if (client.name !== "nobody") await client.visit(`/login/${client.name}`, "POST");
  for (const _ of ["in turn", "again"]) {
    for (const client of clients) expect((await client.visit("/page")).text).toBe(`hello ${client.name}`);
  }
  const together = await Promise.all(clients.map((client) => client.visit("/page")));
  expect(together.map(({ text }) => text)).toEqual(NAMES.map((name) => `hello ${name}`));
  const forms = await Promise.all(clients.map((client) => client.visit("/form")));
  const strangers = await Promise.all([1, 2, 3].map(() => site.visit("/form")));
  const shown = [...forms, ...strangers].map(({ text }) => text);
  if (tokens) expect(new Set(shown).size).toBe(shown.length);
  else expect(shown).toEqual([...NAMES.map((name) => `token ${name}`), ...strangers.map(() => "token nobody")]);
}
