/** Reads a stream to its end in place of a visitor who has left: for the cache, and for those who read along. */
import { finished, Writable } from "node:stream";
import type { Readable } from "node:stream";

export interface ReadOn {
  /** False asks for a pause, until the function given to `onDrain` is called. */
  write(chunk: unknown, encoding: unknown): boolean;
  end(): void;
  /** It failed, or is not wanted any more. */
  giveUp(): void;
  /** Whether somebody still wants it. */
  wanted(): boolean;
  onDrain(resume: () => void): void;
}

export function readOn(source: Readable, into: ReadOn): void {
  let waiting: (() => void) | undefined;
  const resume = (): void => {
    const done = waiting;
    waiting = undefined;
    done?.();
  };
  into.onDrain(resume);
  const sink = new Writable({
    decodeStrings: false,
    write: (chunk, encoding, done) => {
      waiting = done;
      if (!into.wanted()) source.destroy();
      else if (into.write(chunk, encoding)) resume();
    },
    final: (done) => {
      into.end();
      done();
    },
  });
  finished(source, { writable: false }, (error) => {
    if (error) into.giveUp();
  });
  source.pipe(sink);
}
