/** `@diskcache/nest`: full-response page caching to disk for NestJS on Express, behind guards. */
export { Cached, NeverCached, Purges } from "./decorators.js";
export type { RouteDecorator } from "./decorators.js";
export { DiskCacheModule } from "./module.js";
export type { DiskCacheAsyncOptions } from "./module.js";
export { DiskCacheService } from "./service.js";
export { DiskCacheError } from "@diskcache/express";
