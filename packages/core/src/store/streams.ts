/** The entries whose bodies come in pieces just now: begins them, bounds what all of them together have in memory, and ends them with the store. Decides nothing about what may be kept. */
import type { DiskStoreOptions } from "./disk-store-options.js";
import { FileEntryWriter } from "./entries/entry-writer.js";
import type { WriterSurroundings } from "./entries/entry-writer.js";
import { Room } from "./bounds/room.js";
import type { StoreParts } from "./store-parts.js";

/** Bytes of all streams together that may wait for the disk before another one is begun. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

export class Streams<Value> {
  readonly #parts: StoreParts<Value>;
  readonly #options: DiskStoreOptions<Value>;
  readonly #committing: WriterSurroundings["committing"];
  readonly #writers = new Set<FileEntryWriter>();

  /** @param committing told of each that gets its name, and of how that ends */
  constructor(
    parts: StoreParts<Value>,
    options: DiskStoreOptions<Value>,
    committing: WriterSurroundings["committing"],
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#committing = committing;
  }

  /** Whether too much waits for the disk to begin another one. */
  get crowded(): boolean {
    let waiting = 0;
    for (const writer of this.#writers) waiting += writer.pendingBytes;
    return waiting > MOST_WAITING_BYTES;
  }

  begin(key: string): FileEntryWriter {
    const { caretaker, faults, files, judge, log, paths, queue, seals } = this.#parts;
    const path = paths.entry(key);
    const writer = new FileEntryWriter(key, {
      files,
      faults,
      path,
      maxBody: this.#options.maxBody,
      seal: seals?.begin(path.file),
      epoch: () => log.epoch,
      now: () => this.#options.clock.now(),
      room: new Room(caretaker),
      crowded: () => this.crowded,
      alive: (head) => judge.alive(head),
      stored: (entryPath, change) => caretaker.changed(entryPath, change),
      exclusively: (named, work) => queue.exclusively(named, work),
      committing: this.#committing,
      ended: (ended) => this.#writers.delete(ended),
    });
    this.#writers.add(writer);
    return writer;
  }

  /** Leaves nothing behind of those that have not ended. Resolves when nothing of any is under way. */
  async abort(): Promise<void> {
    for (const writer of this.#writers) writer.abort();
    await Promise.all([...this.#writers].map((writer) => writer.over));
  }
}
