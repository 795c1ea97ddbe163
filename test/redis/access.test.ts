/** Servers that are entered with a user of few rights, and over TLS. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { redisRights, redisTier } from "@diskcache/redis";
import type { RedisClient } from "@diskcache/redis";
import { CLIENTS } from "./clients.js";
import { asked, temporary } from "./machine.js";
import { freePort } from "./processes.js";
import { redisServer, redisVersion } from "./server.js";

const USER = { username: "diskcache", password: "correct horse" };

/** Everything that is ever asked of a server. */
async function everything(client: RedisClient): Promise<string> {
  const engine = await redisTier({ client, name: "shop" }).connect();
  await engine.last();
  const stand = { number: 1, mark: "known" };
  await engine.found("a", stand, "founded", [{ ...stand, before: "0".repeat(12), text: "" }]);
  const beat = await engine.beat({ machine: "a", stand, token: "t-1", steady: "", absenceMs: 1_000 });
  await engine.beat({ machine: "a", stand, token: "t-2", steady: beat.run, absenceMs: 1_000 });
  await engine.append("a", [{ mark: "m", text: "x" }]);
  await engine.confirm({ number: 3, mark: "m" }, ["a"]);
  await engine.sleep(1, 10);
  await engine.records(1);
  await engine.giveUp(new Map([["a", "1:t-2"]]), 1_000);
  await engine.leave("a", "t");
  engine.close();
  const careful = await redisTier({ client, name: "shop", replicas: 1 }).connect();
  await expect(careful.append("a", [{ mark: "n", text: "y" }])).rejects.toThrow("0 of 1 replicas have confirmed");
  careful.close();
  const pages = await redisTier({ client, name: "shop" }).pages!.connect();
  const bytes = Buffer.from("a token of a page that is shared");
  await pages.put("0".repeat(64), bytes, 1_000);
  await pages.get("0".repeat(64));
  await pages.drop("0".repeat(64), bytes);
  await pages.putPiece("0".repeat(64), "token", 0, bytes, 1_000);
  await pages.hasPieces("0".repeat(64), "token", 1);
  await pages.piece("0".repeat(64), "token", 0);
  await pages.lock("0".repeat(64), "token", 1_000);
  await pages.lock("0".repeat(64), "another", 1_000);
  await pages.renewLock("0".repeat(64), "token", 1_000);
  await pages.lockLeft("0".repeat(64));
  await pages.unlock("0".repeat(64), "token");
  pages.close();
  return beat.run;
}

describe.skipIf(redisVersion === undefined).each(CLIENTS)("a server that lets in $name", ({ make }) => {
  it("needs to allow nothing but what is documented", async () => {
    const { port } = await redisServer();
    const rights = redisRights("shop");
    await asked(port, (redis) => redis.acl("SETUSER", "diskcache", "on", `>${USER.password}`, ...rights));
    await everything(make(port, USER));
    const [stats, refused] = await asked(port, async (redis) => [
      await redis.info("commandstats"),
      JSON.stringify(await redis.call("ACL", "LOG")),
    ]);
    expect(refused).toBe("[]");
    const used = [...stats.matchAll(/cmdstat_(\w+)/g)].map(([, command]) => command!);
    const others = new Set(["acl", "auth", "hello", "client", "command"]);
    const allowed = rights.filter((right) => right.startsWith("+")).map((right) => right.slice(1));
    expect(used.filter((command) => !others.has(command)).toSorted()).toEqual(allowed.toSorted());
  });

  it("may be reached over TLS alone", async () => {
    const { authority, files } = certified(temporary());
    const port = await freePort();
    await redisServer("--tls-port", String(port), ...files, "--tls-auth-clients", "no");
    expect(await everything(make(port, { ca: authority }))).toMatch(/^[0-9a-f]{40}/);
  });
});

/** An authority, and the settings of a server that it vouches for. */
function certified(dir: string): { readonly authority: string; readonly files: readonly string[] } {
  const file = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const authority = file("authority.pem");
  openssl("req", "-x509", ...made, "-subj", "/CN=authority", "-keyout", file("authority.key"), "-out", authority);
  const signed = ["-CA", authority, "-CAkey", file("authority.key"), "-addext", "basicConstraints=critical,CA:FALSE"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  openssl("req", "-x509", ...made, ...signed, ...names, "-keyout", file("key.pem"), "-out", file("certificate.pem"));
  const files = ["--tls-cert-file", file("certificate.pem"), "--tls-key-file", file("key.pem")];
  return { authority: readFileSync(authority, "utf8"), files: [...files, "--tls-ca-cert-file", authority] };
}
