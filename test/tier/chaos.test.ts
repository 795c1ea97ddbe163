import { describe, expect, it } from "vitest";
import { redisVersion } from "../redis/processes.js";
import { FAULTS } from "./chaos-faults.js";
import { chaos } from "./chaos-run.js";

const SEED = Number(process.env["DISKCACHE_SEED"] ?? 5);

describe.skipIf(redisVersion === undefined)("machines over a real server, whatever goes wrong", () => {
  it("serve nothing that a resolved purge has named, and all purges arrive in the end", async () => {
    const { confirmed, faults, hits, stale, undelivered } = await chaos({
      seconds: 20,
      seed: SEED,
      machines: 2,
      processes: 2,
      leaseMs: 1_200,
      whenCutOff: "young",
      faults: FAULTS,
      rests: true,
      tell: () => undefined,
    });
    expect({ stale, undelivered }).toEqual({ stale: [], undelivered: [] });
    expect(hits).toBeGreaterThan(0);
    expect(confirmed).toBeGreaterThan(0);
    expect(Object.keys(faults).length).toBeGreaterThan(2);
  }, 180_000);
});
