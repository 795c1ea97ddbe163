import { FileCache } from "@diskcache/core";

const cache = new FileCache({ dir: process.env["CACHE_DIR"] ?? ".cache/values", ttl: "5m" });

// A value by key, as long as it lives; the next run finds it again.
await cache.set("user_123", { name: "Ada", since: new Date("2026-01-02"), roles: new Set(["admin"]) });
console.log(await cache.get("user_123"));

// Made once for all who ask, in every process; a failure stores nothing.
const report = await cache.getOrSet("report:7", renderReport, { ttl: "1h", tags: ["report:7"] });
console.log(report);

// Counted exactly, however many processes count.
await cache.add("visits", 0, { ttl: null });
console.log(`visit ${await cache.incr("visits")}`);

// One purge ends all that carries the tag: values here, and pages of a page cache on the same directory.
await cache.purgeTag("report:7");
console.log(await cache.get("report:7", { default: "purged" }));

await cache.close();

async function renderReport(): Promise<string> {
  console.log("rendering");
  return `Report 7, rendered in process ${process.pid}`;
}
