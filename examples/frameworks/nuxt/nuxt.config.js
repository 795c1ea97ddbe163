export default defineNuxtConfig({
  compatibilityDate: "2026-01-01",
  nitro: { preset: "node-listener" }, // exports `(req, res)`; `node-server`, the default, listens by itself
  telemetry: false,
});
