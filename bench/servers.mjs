/** Starts what is measured, each in a process of its own on the server's core, with a directory of its own; helpers (Redis, the application behind a proxy) on the other. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { CLIENT_CORE, has, pinned, SERVER_CORE } from "./machine.mjs";
import { makeText } from "./page.mjs";

const SERVE = fileURLToPath(new URL("serve.mjs", import.meta.url));

/** What has to be installed beside Node. */
const NEEDS = {
  "ioredis in Express": ["redis-server", "--version"],
  nginx: ["nginx", "-v"],
  "nginx, open_file_cache": ["nginx", "-v"],
  Varnish: ["varnishd", "-V"],
  "nginx, gzip_static": ["nginx", "-v"],
};
const STARTERS = {
  "ioredis in Express": startRedisSystem,
  nginx: (config) => startNginx(config, ""),
  "nginx, open_file_cache": (config) => startNginx(config, "open_file_cache max=20000;"),
  Varnish: startVarnish,
  "nginx, gzip_static": startNginxStatic,
};

/** Those of `names` that can run here. */
export function available(names) {
  return names.filter((name) => NEEDS[name] === undefined || has(...NEEDS[name]));
}

/**
 * @returns {Promise<{name: string, dir: string, port: number, pids: number[], calls(): Promise<number>, stop(): Promise<void>}>} `pids`: its own process first, then its
 * helpers; `calls`: how often the handler was called
 */
export async function start(name, config) {
  const dir = mkdtempSync(join(config.root ?? tmpdir(), "diskcache-bench-"));
  const started = await (STARTERS[name] ?? ((given) => startNode(name, given)))({ ...config, dir: config.dir ?? dir });
  return {
    ...started,
    name,
    dir: config.dir ?? dir,
    accepts: config.accepts,
    async stop() {
      await started.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startNode(name, config, core = SERVER_CORE) {
  const child = run(
    core,
    process.execPath,
    [SERVE, name, JSON.stringify(config)],
    ["ignore", "inherit", "inherit", "ipc"],
  );
  const { port } = await firstWords(name, child);
  return {
    port,
    pids: [child.pid],
    async calls() {
      child.send("calls");
      const [{ calls }] = await once(child, "message");
      return calls;
    },
    stop: () => end(child),
  };
}

// Its port, or that it has ended: no space left, for one.
async function firstWords(name, child) {
  const ended = once(child, "exit").then(() => {
    throw new Error(`${name} ended before it listened`);
  });
  const [words] = await Promise.race([once(child, "message"), ended]);
  return words;
}

async function startRedisSystem(config) {
  const redisPort = await freePort();
  const redis = run(CLIENT_CORE, "redis-server", ["--port", String(redisPort), "--save", "", "--appendonly", "no"]);
  await listening(redisPort, redis);
  return withHelper(await startNode("ioredis in Express", { ...config, redisPort }), redis);
}

async function startNginx(config, more) {
  const origin = await startNode("uncached", config, CLIENT_CORE);
  const port = await freePort();
  const { dir } = config;
  mkdirSync(join(dir, "pages"));
  // Without a user of its own the workers could not write here when started by root.
  const user = process.getuid() === 0 ? "user root;" : "";
  writeFileSync(
    join(dir, "nginx.conf"),
    `${user} worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; ${more}
      proxy_cache_path ${dir}/pages levels=1:2 keys_zone=pages:256m inactive=10h max_size=64g use_temp_path=off;
      proxy_temp_path ${dir}/proxy; client_body_temp_path ${dir}/body;
      fastcgi_temp_path ${dir}/fastcgi; uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
      upstream origin { server 127.0.0.1:${origin.port}; keepalive 64; keepalive_requests 100000000; }
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location / {
          proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_cache pages; proxy_cache_valid 200 10h; add_header Cache-Status $upstream_cache_status;
        }
      }
    }`,
  );
  const nginx = run(SERVER_CORE, "nginx", ["-p", dir, "-c", join(dir, "nginx.conf"), "-g", "daemon off;"]);
  await listening(port, nginx);
  return behind(nginx, port, origin);
}

/** A file and the same compressed beside it, as a build step would leave them. */
async function startNginxStatic({ dir, bodyBytes }) {
  const port = await freePort();
  const page = makeText(bodyBytes);
  writeFileSync(join(dir, "p-0"), page);
  writeFileSync(join(dir, "p-0.gz"), gzipSync(page, { level: 9 }));
  const user = process.getuid() === 0 ? "user root;" : "";
  writeFileSync(
    join(dir, "nginx.conf"),
    `${user} worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=20000;
      proxy_temp_path ${dir}/proxy; client_body_temp_path ${dir}/body;
      fastcgi_temp_path ${dir}/fastcgi; uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location / { root ${dir}; default_type text/html; gzip_static on; add_header Cache-Control "public, max-age=36000"; }
      }
    }`,
  );
  const nginx = run(SERVER_CORE, "nginx", ["-p", dir, "-c", join(dir, "nginx.conf"), "-g", "daemon off;"]);
  await listening(port, nginx);
  return { port, pids: [nginx.pid], calls: () => Promise.resolve(0), stop: () => end(nginx) };
}

async function startVarnish(config) {
  const origin = await startNode("uncached", config, CLIENT_CORE);
  const port = await freePort();
  // Everything as this user: the directory is nobody else's.
  const args = [
    "-F",
    "-j",
    "none",
    "-n",
    config.dir,
    "-T",
    "none",
    "-a",
    `127.0.0.1:${port}`,
    "-b",
    `127.0.0.1:${origin.port}`,
  ];
  const varnish = run(SERVER_CORE, "varnishd", [...args, "-s", "malloc,2g"]);
  await listening(port, varnish);
  return behind(varnish, port, origin);
}

function behind(proxy, port, origin) {
  return {
    port,
    pids: [proxy.pid, ...origin.pids],
    calls: origin.calls,
    async stop() {
      await end(proxy);
      await origin.stop();
    },
  };
}

function withHelper(server, helper) {
  return {
    ...server,
    pids: [...server.pids, helper.pid],
    async stop() {
      await server.stop();
      await end(helper);
    },
  };
}

function run(core, command, args, stdio = ["ignore", "ignore", "ignore"]) {
  return spawn(...pinned(core, command, args), { stdio });
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function listening(port, child) {
  while (child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const there = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (there) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${child.spawnargs.join(" ")} ended`);
}
