export function GET() {
  const lines = ["one\n", "two\n", "three\n"].map((line) => new TextEncoder().encode(line));
  return new Response(ReadableStream.from(lines), { headers: { "Content-Type": "text/plain" } });
}
