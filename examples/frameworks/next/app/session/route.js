export const dynamic = "force-dynamic";

export function GET() {
  return new Response("<p>A page that sets a cookie is not stored.</p>", {
    headers: { "Content-Type": "text/html", "Cache-Control": "max-age=300", "Set-Cookie": "session=1" },
  });
}
