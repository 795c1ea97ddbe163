/** One request to the running site over its socket, timed as a client sees it: from asking to the last byte. */
import { type Agent, get } from "node:http";

export interface Visit {
  readonly status: number;
  readonly body: Buffer;
  readonly ms: number;
  /** The response's Cache-Status field (RFC 9211); empty when it has none. */
  readonly cacheStatus: string;
}

export function visit(url: URL, agent: Agent): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const asked = performance.now();
    get(url, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const ms = performance.now() - asked;
        const cacheStatus = [response.headers["cache-status"] ?? []].flat().join(", ");
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), ms, cacheStatus });
      });
    }).on("error", reject);
  });
}

/** Whether diskcache answered by itself: `diskcache; hit; ttl=3599`, as against `diskcache; fwd=uri-miss`. */
export function isHit(cacheStatus: string): boolean {
  return /^diskcache\s*;\s*hit\b/.test(cacheStatus);
}
