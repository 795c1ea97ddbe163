export function GET() {
  return new Response("<p>A page that sets a cookie is not stored.</p>", {
    headers: { "Content-Type": "text/html", "Set-Cookie": "session=1" },
  });
}
