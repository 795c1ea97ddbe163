/** Decorators on methods that are not called as handlers are: NestJS and tsoa call them with what their parameters ask
 * for. */
import { diskCache as expressCache } from "@diskcache/express";
import { diskCache as koaCache } from "@diskcache/koa";
import { expect, it, vi } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";

const CACHES = [
  { framework: "Express", diskCache: expressCache, signature: "(req, res, next)" },
  { framework: "Koa", diskCache: koaCache, signature: "(ctx, next)" },
];
const KINDS = ["TC39's", "TypeScript's older"] as const;
const CASES = CACHES.flatMap((cache) => KINDS.map((kind) => ({ ...cache, kind })));

it.each(CASES)("$framework, $kind kind: cached() leaves such a method as it was, and warns once", (given) => {
  const cache = given.diskCache({ dir: temporaryDirectory(), ttl: "5m" });
  const page = decorated((cache.cached as (policy: "5m") => unknown)("5m"), given.kind, (id: string) => `page ${id}`);
  const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
  expect([page("7"), page("8")]).toEqual(["page 7", "page 8"]);
  expect(warned.mock.calls).toEqual([
    [expect.stringContaining(given.signature), { type: "DiskCacheWarning", code: "ERR_DISKCACHE_DECORATOR" }],
  ]);
  expect(warned.mock.calls[0]?.[0]).toMatch(/`page`.*got \("7"\).*@diskcache\/nest/);
});

it.each(CASES)("$framework, $kind kind: what protects clients is refused on such a method", (given) => {
  const cache = given.diskCache({ dir: temporaryDirectory(), ttl: "5m" });
  const made = vi.fn<() => string>(() => "made");
  for (const tool of [
    cache.never(),
    cache.varyOn("accept-language"),
    cache.cacheControl({ private: true }),
    cache.purges(["/"]),
  ]) {
    const page = decorated(tool, given.kind, made);
    expect(() => page("7")).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_DECORATOR", message: expect.stringContaining("@diskcache/nest") }),
    );
  }
  expect(made).not.toHaveBeenCalled();
});

type Page = (id: string) => unknown;

function decorated(decoration: unknown, kind: (typeof KINDS)[number], method: Page): Page {
  const decorate = decoration as (...given: unknown[]) => unknown;
  if (kind === "TC39's") return decorate(method, { kind: "method", name: "page" }) as Page;
  const descriptor = { value: method };
  decorate({}, "page", descriptor);
  return descriptor.value;
}
