/**
 * Runs the steps of one render. It goes on inside the very event that lets it (a `drain` above all), as handlers do;
 * never knows whether there is a cache.
 */
import { APOLOGY, FALLBACK, LANGUAGES, contentFrom } from "./content.js";
import type { Gates } from "./gates.js";
import { listenFor, questionFor } from "./notice.js";
import type { Output } from "./output.js";
import { contentBytes } from "./program.js";
import type { ChunkForm, Reaction, Sign, Step } from "./program.js";
import { PieceSource } from "./source.js";

/**
 * How often a handler asks while it waits: more than it takes until a client has gone, and not for as long as one
 * may hang.
 */
const MOST_QUESTIONS = 200;

export interface Render {
  readonly gates: Gates;
  /** Whether no other render of the program through the cache came before. */
  readonly first: boolean;
  readonly language: string;
  /** It will not go on by itself. */
  parked(): void;
}

/** Node 22 to 25 send a chunk outside of the chunked coding where a response that is corked ends. */
const BREAKS_CORKED_ENDS = /^2[2-5]\./.test(process.versions.node);

export function runSteps(steps: readonly Step[], output: Output, render: Render): void {
  new Run(steps, output, render).go();
}

class Run {
  readonly #steps: readonly Step[];
  readonly #output: Output;
  readonly #render: Render;
  readonly #questions: { readonly asks: () => boolean; readonly reaction: Reaction }[] = [];
  #onWriteError: Reaction | undefined;
  #at = 0;
  #position = 0;
  /** The same for all, unless the page says that it depends. */
  #language: string = LANGUAGES[0];
  #pauses = 0;
  #corks = 0;
  #over = false;
  #source: PieceSource | undefined;

  constructor(steps: readonly Step[], output: Output, render: Render) {
    this.#steps = steps;
    this.#output = output;
    this.#render = render;
  }

  readonly go = (): void => {
    try {
      while (!this.#over && !this.#asked()) {
        const step = this.#steps[this.#at++] ?? ({ do: "end", form: "plain" } as const);
        if (!this.#take(step)) return;
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  };

  /** @returns whether the next one follows at once */
  #take(step: Step): boolean {
    const output = this.#output;
    switch (step.do) {
      case "set":
      case "append":
        // What is named in Vary stays named.
        if (output.open) output[step.field[0] === "Vary" ? "append" : step.do](step.field);
        return true;
      case "remove":
        if (output.open) output.remove(step.name);
        return true;
      case "status":
        if (output.open) output.status(step.status);
        return true;
      case "head":
        if (output.open) output.head(step.form, step.status, step.fields);
        return true;
      case "length":
        if (output.open) output.set(["Content-Length", String(contentBytes(this.#steps))]);
        return true;
      case "language":
        if (!output.open) return true;
        this.#language = this.#render.language;
        output.set(["Content-Language", this.#language]);
        if (step.vary === "set") output.append(["Vary", "Accept-Language"]);
        else output.late(["Vary", "Accept-Language"]);
        return true;
      case "late":
        if (output.open) output.late(step.field);
        return true;
      case "flush":
      case "cork":
      case "uncork":
        this.#corks += step.do === "flush" ? 0 : step.do === "cork" ? 1 : -1;
        if (this.#corks < 0) this.#corks = 0;
        else output[step.do]();
        return true;
      case "write":
        return this.#write(step);
      case "pause":
        this.#pause(this.go);
        return false;
      case "pipe":
        // Who pipes into what is corked waits for ever.
        this.#uncork();
        this.#source = new PieceSource(step, {
          language: this.#language,
          position: this.#position,
          pause: (goOn) => this.#pause(goOn),
          failed: () => this.#render.parked(),
        });
        output.pipe(this.#source, step.by);
        return false;
      case "end":
        this.#over = true;
        if (BREAKS_CORKED_ENDS) this.#uncork();
        output.end(step.form, step.bytes === undefined ? undefined : this.#chunk(step.bytes, "string"));
        return false;
      case "throw":
        this.#fail(Object.assign(new Error("thrown"), { stack: "thrown by the program" }));
        return false;
      case "never":
        if (step.first === true && !this.#render.first) return true;
        this.#render.parked();
        // It can still be told that its client has gone.
        this.#poll();
        return false;
      case "watch":
        this.#watch(step.sign, step.reaction);
        return true;
    }
  }

  #write({ bytes, as, drain }: Step & { readonly do: "write" }): boolean {
    const output = this.#output;
    const reaction = this.#onWriteError;
    const told = (error?: Error | null): void => void (error && reaction !== undefined && this.#react(reaction));
    const flowing = output.write(this.#chunk(bytes, as), reaction === undefined ? undefined : told);
    // Who has corked it would wait for ever.
    if (flowing || drain === undefined || this.#over || this.#corks > 0) return true;
    output.body.once("drain", drain === "sync" ? this.go : () => queueMicrotask(this.go));
    this.#poll();
    return false;
  }

  #chunk(bytes: number, as: ChunkForm): string | Uint8Array {
    const start = this.#position;
    this.#position += bytes;
    const chunk = contentFrom(this.#language, start, start + bytes);
    if (as === "string") return chunk.toString("latin1");
    return as === "buffer" ? chunk : new Uint8Array(chunk);
  }

  #uncork(): void {
    for (; this.#corks > 0; this.#corks--) this.#output.uncork();
  }

  #pause(goOn: () => void): void {
    this.#render.gates.wait(this.#pauses++, () => {
      if (!this.#over) goOn();
    });
    this.#poll();
  }

  #watch(sign: Sign, reaction: Reaction): void {
    const asks = questionFor(sign, this.#output);
    if (asks !== undefined) this.#questions.push({ asks, reaction });
    else if (sign === "write-error") this.#onWriteError = reaction;
    else listenFor(sign, this.#output, () => this.#react(reaction));
  }

  // A handler that asks does so again and again while it waits.
  #poll(): void {
    if (this.#questions.length === 0) return;
    const at = this.#at;
    let left = MOST_QUESTIONS;
    const ask = (): void => {
      if (this.#over || this.#at !== at || this.#output.res.writableFinished || this.#asked()) return;
      if (left-- > 0) setImmediate(ask);
    };
    setImmediate(ask);
  }

  #asked(): boolean {
    const answered = this.#questions.find(({ asks }) => asks());
    if (answered === undefined) return false;
    this.#react(answered.reaction);
    return true;
  }

  #react(reaction: Reaction): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#source !== undefined) return this.#source.react(reaction);
    const output = this.#output;
    try {
      if (BREAKS_CORKED_ENDS) this.#uncork();
      if (reaction === "stop") this.#render.parked();
      else if (reaction === "destroy") output.destroy();
      else if (reaction === "end") output.end("plain");
      else if (reaction === "fallback") {
        output.write(FALLBACK);
        output.end("plain");
      } else {
        if (output.open) output.set(["Content-Type", "text/plain"]);
        output.end("plain", APOLOGY);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#over = true;
    this.#render.parked();
    this.#output.fail(error);
  }
}
