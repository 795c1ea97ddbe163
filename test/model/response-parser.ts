/**
 * Reads HTTP/1 responses off a connection, and knows which of them came whole. Never repairs what is wrong: bad
 * framing is an error.
 */
import type { Field } from "./program.js";

export interface ParsedResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly body: Buffer;
  readonly complete: boolean;
  /** The end of the connection is the only sign of its end. */
  readonly unframed: boolean;
}

type Place = "head" | "content" | "until-close" | "chunk-size" | "chunk" | "chunk-end" | "trailers";

export class ResponseParser {
  readonly responses: ParsedResponse[] = [];
  readonly #methods: readonly string[];
  #bytes: Buffer = Buffer.alloc(0);
  #place: Place = "head";
  #left = 0;
  #head: Pick<ParsedResponse, "status" | "reason" | "fields"> | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #broken = false;

  /** @param methods of the requests that are answered, in order */
  constructor(methods: readonly string[]) {
    this.#methods = methods;
  }

  /** Whether the head of the response that is read now has come, and how much of its body. */
  get begun(): boolean {
    return this.#head !== undefined || this.responses.length > 0;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get done(): boolean {
    return this.responses.length === this.#methods.length;
  }

  feed(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    while (!this.#broken && !this.done && this.#step());
  }

  /** The connection has ended. What was begun is what it is. */
  close(cleanly: boolean): void {
    if (this.#head === undefined) return;
    this.#finish(this.#place === "until-close" && cleanly && !this.#broken);
  }

  #step(): boolean {
    switch (this.#place) {
      case "head":
        return this.#readHead();
      case "content":
        return this.#readContent(() => this.#finish(true));
      case "until-close":
        this.#left = this.#bytes.length;
        return this.#left > 0 && this.#readContent(() => {});
      case "chunk-size": {
        const line = this.#line();
        if (line === undefined) return false;
        this.#left = Number.parseInt(line, 16);
        if (Number.isNaN(this.#left)) this.#broken = true;
        this.#place = this.#left === 0 ? "trailers" : "chunk";
        return true;
      }
      case "chunk":
        return this.#readContent(() => (this.#place = "chunk-end"));
      case "chunk-end": {
        const line = this.#line();
        if (line === undefined) return false;
        if (line !== "") this.#broken = true;
        this.#place = "chunk-size";
        return true;
      }
      case "trailers": {
        const line = this.#line();
        if (line === "") this.#finish(true);
        return line !== undefined;
      }
    }
  }

  #readHead(): boolean {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [first, ...lines] = this.#bytes.toString("latin1", 0, end).split("\r\n");
    this.#bytes = this.#bytes.subarray(end + 4);
    const [, digits, reason = ""] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(first!) ?? [];
    const status = Number(digits);
    if (digits === undefined) this.#broken = true;
    if (status < 200) return true; // interim
    const fields = lines.map((line): Field => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    this.#head = { status, reason, fields };
    this.#frame(status, fields);
    return true;
  }

  #frame(status: number, fields: readonly Field[]): void {
    const value = (wanted: string) => fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
    const length = value("content-length");
    if (this.#methods[this.responses.length] === "HEAD" || status === 204 || status === 304) this.#finish(true);
    else if (value("transfer-encoding") !== undefined) this.#place = "chunk-size";
    else if (length === undefined) this.#place = "until-close";
    else {
      this.#place = "content";
      this.#left = Number(length);
      if (this.#left === 0) this.#finish(true);
    }
  }

  #readContent(then: () => void): boolean {
    const piece = this.#bytes.subarray(0, this.#left);
    if (piece.length === 0) return false;
    this.#body.push(piece);
    this.#bodyBytes += piece.length;
    this.#left -= piece.length;
    this.#bytes = this.#bytes.subarray(piece.length);
    if (this.#left === 0) then();
    return true;
  }

  #line(): string | undefined {
    const end = this.#bytes.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = this.#bytes.toString("latin1", 0, end);
    this.#bytes = this.#bytes.subarray(end + 2);
    return line;
  }

  #finish(complete: boolean): void {
    const unframed = this.#place === "until-close";
    this.responses.push({ ...this.#head!, body: Buffer.concat(this.#body), complete, unframed });
    this.#place = "head";
    this.#head = undefined;
    this.#body = [];
    this.#bodyBytes = 0;
  }
}
