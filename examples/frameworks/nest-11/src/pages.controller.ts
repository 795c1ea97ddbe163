import { Readable } from "node:stream";
import { Controller, Get, Header, Param, StreamableFile } from "@nestjs/common";

@Controller()
export class PagesController {
  @Get("page/:id")
  page(@Param("id") id: string): string {
    return `<!doctype html><title>Page ${id}</title>${"<p>A line of text.</p>".repeat(200)}`;
  }

  @Get("stream")
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(["one\n", "two\n", "three\n"], { objectMode: false }), {
      type: "text/plain",
    });
  }

  @Get("session")
  @Header("Set-Cookie", "session=1")
  session(): string {
    return "<p>A page that sets a cookie is not stored.</p>";
  }
}
