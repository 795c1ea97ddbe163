/** Every example, started the way its reader starts it, and asked over real HTTP. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder: string;
const running = new Set<ChildProcess>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "diskcache-example-"));
});

afterEach(async () => {
  await Promise.all([...running].map(async (child) => child.kill("SIGKILL") && (await once(child, "close"))));
  rmSync(folder, { recursive: true });
});

class Example {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(name: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const main = fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));
    if (!existsSync(main)) throw new Error(`${name} is not built: run \`npm run build\` first`);
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...process.env, ...env } });
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#child = child;
    running.add(child);
    this.#ended = once(child, "close").then(() => {
      running.delete(child);
      return child.exitCode;
    });
  }

  /** The exit code; `null` when a signal ended it. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Ctrl-C. */
  interrupt(): Promise<number | null> {
    this.#child.kill("SIGINT");
    return this.#ended;
  }

  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      const more = this.#child.stdout && once(this.#child.stdout, "data").then(() => true);
      const alive = await Promise.race([more, this.#ended.then(() => false)]);
      if (!alive) throw new Error(`ended before it printed ${pattern}:\n${this.stdout}${this.stderr}`);
    }
  }

  async origin(): Promise<string> {
    return (await this.printed(/http:\/\/localhost:\d+/))[0];
  }

  /** The table's rows, each as its cells. */
  rows(): string[][] {
    const lines = this.stdout.split("\n");
    const header = lines.findIndex((line) => line.startsWith("page "));
    return lines.slice(header + 1, lines.indexOf("", header)).map((line) => line.split(/ {2,}/));
  }
}

interface Answer {
  readonly status: number;
  readonly cacheStatus: string | null;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function ask(url: string): Promise<Answer> {
  const response = await fetch(url);
  const body = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    cacheStatus: response.headers.get("cache-status"),
    headers: response.headers,
    body,
  };
}

const HIT = /^diskcache; ?hit/;
const MISS = /^diskcache; ?fwd=/;

describe.each(["express-docs", "koa-docs"])("%s", (name) => {
  it("renders a page once, then sends the same bytes, after a restart too", { timeout: 120_000 }, async () => {
    const args = ["--port", await freePort(), "--dir", "cache"];
    const cold = new Example(name, ["--once", ...args]);
    const code = await cold.ended();
    expect([code, cold.stderr]).toEqual([0, ""]);
    const rows = cold.rows();
    expect(rows.length).toBeGreaterThanOrEqual(5);
    for (const [, bytes, rendered, cached, faster] of rows) {
      expect(bytes).toMatch(/^[\d,]+$/);
      expect(rendered).toMatch(/^[\d.]+ ms$/);
      expect(cached).toMatch(/^[\d.]+ ms$/);
      expect(faster).toMatch(/^[\d,]+$/);
    }

    const first = new Example(name, args);
    await first.printed(/Serving until Ctrl-C/);
    expect(first.rows().map(([page, , rendered]) => [page, rendered])).toEqual(
      rows.map(([page]) => [page, "hit (kept)"]),
    );
    const origin = await first.origin();
    const search = await ask(`${origin}/?q=markdown`);
    const path = /href="(\/packages\/[^"]+)"/.exec(search.body.toString())?.[1] ?? "";
    for (const url of [path, "/style.css", "/?q=nothing-has-this"]) {
      const [miss, hit] = [await ask(origin + url), await ask(origin + url)];
      expect([url, miss.status, hit.status]).toEqual([url, 200, 200]);
      expect(miss.cacheStatus).toMatch(MISS);
      expect(hit.cacheStatus).toMatch(HIT);
      expect(hit.body.equals(miss.body)).toBe(true);
      expect(hit.headers.get("content-type")).toBe(miss.headers.get("content-type"));
      expect(hit.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    const before = await ask(origin + path);
    expect(await first.interrupt()).toBe(0);

    const second = new Example(name, args);
    await second.printed(/Serving until Ctrl-C/);
    const after = await ask(origin + path);
    expect(after.cacheStatus).toMatch(HIT);
    expect(after.body.equals(before.body)).toBe(true);
    for (const url of ["/nothing", "/packages/..%2f..%2f..%2fpackage.json", "/%E0%A4%A"]) {
      const missing = await ask(origin + url);
      expect([url, missing.status]).toEqual([url, 404]);
      expect(missing.headers.get("content-type")).toBe("text/html; charset=utf-8");
    }
    expect(await second.interrupt()).toBe(0);
    expect(second.stderr).toBe("");
  });

  it("says what is wrong with an option, and which there are", async () => {
    const example = new Example(name, ["--port", "many"]);
    expect(await example.ended()).toBe(2);
    expect(example.stderr).toContain('--port: expected a number from 0 to 65535, got "many"');
    expect(example.stderr).toContain("--fresh");
  });

  it("says so when its port is taken", async () => {
    const other = createServer().listen(0, "localhost");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const example = new Example(name, ["--port", String(port), "--dir", "cache"]);
    expect(await example.ended()).toBe(1);
    expect(example.stderr).toContain(`Port ${port} is taken`);
    other.close();
  });
});

describe.each(["express-minimal", "koa-minimal"])("%s", (name) => {
  it("sends the page that it rendered before, and does after a restart", async () => {
    const env = { PORT: await freePort() };
    const first = new Example(name, [], env);
    const origin = await first.origin();
    const [miss, hit] = [await ask(origin), await ask(origin)];
    expect(miss.status).toBe(200);
    expect(miss.cacheStatus).toMatch(MISS);
    expect(hit.cacheStatus).toMatch(HIT);
    expect(hit.body.toString()).toBe(miss.body.toString());
    await first.interrupt();

    const second = new Example(name, [], env);
    const kept = await ask(await second.origin());
    expect(kept.cacheStatus).toMatch(HIT);
    expect(kept.body.toString()).toBe(miss.body.toString());
    await second.interrupt();
  });
});

// A restart needs the port of the first start, as pages are kept by host and port. These lie below those that the system
// gives to whoever asks for any.
async function freePort(): Promise<string> {
  const probe = createServer();
  const port = await new Promise<number>((resolve) => {
    const tryOne = (): void => void probe.listen({ port: 20_000 + Math.floor(Math.random() * 12_000) });
    probe.on("error", tryOne).on("listening", () => resolve((probe.address() as AddressInfo).port));
    tryOne();
  });
  await new Promise((resolve) => probe.close(resolve));
  return String(port);
}
