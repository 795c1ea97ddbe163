import { route } from "@react-router/dev/routes";

export default [
  route("page/:id", "routes/page.jsx"),
  route("stream", "routes/stream.js"),
  route("session", "routes/session.js"),
];
