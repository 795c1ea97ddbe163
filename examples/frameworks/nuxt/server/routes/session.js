export default defineEventHandler((event) => {
  setCookie(event, "session", "1");
  return "<p>A page that sets a cookie is not stored.</p>";
});
