import { Cached, DiskCacheModule, DiskCacheService } from "@diskcache/nest";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Server } from "node:http";
import { expectCached } from "./expect-cached.js";

class Reports {
  report(): string {
    return "<h1>Report 7</h1>";
  }
}
// Called by hand, because the decorators of Nest are of TypeScript's older kind.
const descriptor = Object.getOwnPropertyDescriptor(Reports.prototype, "report")!;
Get("reports/7")(Reports.prototype, "report", descriptor);
Cached({ ttl: "1h", tags: ["reports"] })(Reports.prototype, "report", descriptor);
Controller()(Reports);

class App {
  readonly name = "reports";
}
Module({ imports: [DiskCacheModule.forRoot({ dir: "pages-nest" })], controllers: [Reports] })(App);

const app = await NestFactory.create(App, { logger: false });
await app.listen(0);
await expectCached(app.getHttpServer() as Server, "/reports/7");
await app.get(DiskCacheService).purgeTag("reports");
await app.close();
