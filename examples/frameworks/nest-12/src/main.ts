import "reflect-metadata";
import { DiskCacheModule } from "@diskcache/nest";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { PagesController } from "./pages.controller.js";

@Module({ imports: [DiskCacheModule.forRoot({ dir: ".cache/pages", ttl: "5m" })], controllers: [PagesController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
app.enableShutdownHooks();
await app.listen(Number(process.env["PORT"] ?? 3000));
