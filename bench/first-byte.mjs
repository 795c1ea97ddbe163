/** What one visitor waits for the first byte of a page, one page after the other. */
import { connect } from "node:net";

/** The median over `count` pages that nobody has asked for before, microseconds. */
export function firstByteMicros(port, prefix, count) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1").setNoDelay();
    const waits = [];
    let sentMs = 0;
    let first = true;
    let text = "";
    const ask = () => {
      first = true;
      text = "";
      sentMs = performance.now();
      socket.write(`GET /${prefix}-${waits.length} HTTP/1.1\r\nHost: www.example.com\r\n\r\n`);
    };
    socket.on("connect", ask).on("error", reject);
    socket.on("data", (chunk) => {
      if (first) waits.push((performance.now() - sentMs) * 1000);
      first = false;
      text += chunk.toString("latin1");
      // Chunked: the answer has no length.
      if (!text.endsWith("\r\n0\r\n\r\n")) return;
      if (waits.length < count) {
        ask();
        return;
      }
      socket.destroy();
      resolve(waits.sort((a, b) => a - b)[count >> 1]);
    });
  });
}
