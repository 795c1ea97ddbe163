export default defineEventHandler((event) => {
  const lines = ["one\n", "two\n", "three\n"].map((line) => new TextEncoder().encode(line));
  setResponseHeader(event, "Content-Type", "text/plain");
  return ReadableStream.from(lines);
});
