import { createServer } from "node:http";
import { Readable } from "node:stream";
import { diskCache } from "@diskcache/http";
import compress from "@fastify/compress";
import Fastify from "fastify";

// @fastify/compress reads these two, and says `Vary` only where it has compressed.
const cache = diskCache({ dir: ".cache/pages", ttl: "5m", vary: ["accept-encoding", "x-no-compression"] });
const app = Fastify({ serverFactory: (handler) => createServer(cache(handler)) });
await app.register(compress, { globalDecompression: false });

app.get("/page/:id", (request, reply) => {
  reply.type("text/html; charset=utf-8");
  return `<!doctype html><title>Page ${request.params.id}</title>${"<p>A line of text.</p>".repeat(200)}`;
});

app.get("/stream", (_request, reply) => {
  reply.type("text/plain");
  return reply.send(Readable.from(["one\n", "two\n", "three\n"]));
});

app.get("/session", (_request, reply) => {
  reply.header("Set-Cookie", "session=1").type("text/html");
  return "<p>A page that sets a cookie is not stored.</p>";
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });
