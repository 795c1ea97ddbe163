import "reflect-metadata";
import { diskCache } from "@diskcache/express";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { PagesController } from "./pages.controller.js";

@Module({ controllers: [PagesController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));
await app.listen(Number(process.env["PORT"] ?? 3000));
