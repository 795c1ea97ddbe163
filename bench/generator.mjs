/** Load without wrk, for machines that do not have it: `node generator.mjs port seconds connections accept-encoding kind [argument]` on sockets of its own. Prints what paths.lua prints. */
import { connect } from "node:net";

const [port, seconds, connections, accepted, kind, argument] = process.argv.slice(2);
const fields = `Host: www.example.com\r\n${accepted === "" ? "" : `Accept-Encoding: ${accepted}\r\n`}`;
let next = 0;
const pathOf = {
  one: () => "/p-0",
  random: () => `/p-${Math.floor(Math.random() * Number(argument))}`,
  unique: () => `/${argument}-${++next}`,
}[kind];
const latencies = [];
let failed = 0;
const startedMs = performance.now();
const endMs = startedMs + Number(seconds) * 1000;

await Promise.all(Array.from({ length: Number(connections) }, client));
const tookSeconds = (performance.now() - startedMs) / 1000;
latencies.sort((a, b) => a - b);
const quantile = (part) => latencies[Math.floor(latencies.length * part)] ?? 0;
const figures = { p50Ms: quantile(0.5), p99Ms: quantile(0.99), failed };
console.log(JSON.stringify({ requests: latencies.length, seconds: tookSeconds, ...figures }));

// One request after the other on one connection; answers have a Content-Length.
function client() {
  return new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    let sentMs = 0;
    let missing = 0;
    let head = "";
    const ask = () => {
      sentMs = performance.now();
      if (sentMs >= endMs) return socket.end();
      return socket.write(`GET ${pathOf()} HTTP/1.1\r\n${fields}\r\n`);
    };
    socket.on("connect", ask).on("close", resolve).on("error", resolve);
    socket.on("data", (chunk) => {
      if (missing === 0) {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0) + end + 4 - head.length;
        if (!head.startsWith("HTTP/1.1 200")) failed++;
        head = "";
      } else missing -= chunk.length;
      if (missing > 0) return;
      latencies.push(performance.now() - sentMs);
      ask();
    });
  });
}
