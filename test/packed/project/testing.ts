import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/http";
import { assertHit, assertStored, testCache } from "@diskcache/testing";

const { cache, clock, close } = testCache(diskCache, { ttl: "5m" });
const server = createServer(cache((_req, res) => res.end("page"))).listen(0);
const url = `http://localhost:${(server.address() as AddressInfo).port}/`;

assertStored(await fetch(url));
assertHit(await fetch(url));
clock.advance("6 minutes");
assertStored(await fetch(url));

server.close();
server.closeAllConnections();
await close();
