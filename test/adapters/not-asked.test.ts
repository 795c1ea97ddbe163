/** A cache to which no request comes says so. In a file of its own: it is said of a process. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { diskCache } from "@diskcache/express";
import express from "express";
import { expect, it, vi } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";

async function answers(count: number, listener: RequestListener): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  for (let n = 0; n < count; n++) await visit(`http://127.0.0.1:${port}`, "/");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

it("says once that it is mounted after the routes, or in front alone, and nothing once it was asked", async () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const cache = diskCache({ dir: temporaryDirectory(), ttl: 60, audit: "off" });
  const app = express();
  app.get("/", (_req, res) => void res.send("hello"));
  app.use(cache);
  await answers(19, app);
  expect(warned).not.toHaveBeenCalled();
  await answers(21, app);
  expect(warned.mock.calls).toEqual([
    [expect.stringContaining("mount it before the routes"), expect.objectContaining({ code: "DISKCACHE_NOT_ASKED" })],
  ]);
  await cache.close();

  const fronted = diskCache({ dir: temporaryDirectory(), ttl: 60, audit: "off" });
  const bare = express().get("/", (_req, res) => void res.send("hello"));
  await answers(20, fronted.front(bare));
  expect(warned).toHaveBeenCalledTimes(2);
  await fronted.close();

  const asked = diskCache({ dir: temporaryDirectory(), ttl: 60, audit: "off" });
  const unused = diskCache({ dir: temporaryDirectory(), ttl: 60, audit: "off" });
  await answers(
    1,
    express()
      .use(asked)
      .get("/", (_req, res) => void res.send("hello")),
  );
  await answers(30, (_req, res) => void res.end());
  expect(warned).toHaveBeenCalledTimes(2);
  await Promise.all([asked.close(), unused.close()]);
  warned.mockRestore();
});
