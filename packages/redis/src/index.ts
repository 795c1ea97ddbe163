/** `@diskcache/redis`: purges of diskcache on every machine, over Redis or Valkey. */
export { redisTier } from "./redis-tier.js";
export type { RedisTierOptions } from "./redis-tier.js";
export { redisRights } from "./rights.js";
export type { RedisClient } from "./clients.js";
export type { CutOff, Duration, EngineConnection, Tier, TierSettings } from "@diskcache/core";
