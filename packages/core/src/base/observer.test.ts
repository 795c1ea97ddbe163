import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { corruptEntryError, directoryError, hookError, purgeError, storeIoError } from "./errors.js";
import { Observer } from "./observer.js";

describe("the observer", () => {
  it("counts whether anybody listens or not", () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const observer = new Observer();
    observer.hit("/", true);
    observer.hit("/", false);
    observer.forward("/", "uri-miss", undefined);
    observer.collapsed("/");
    observer.stored("/", 1);
    observer.notStored("/", "private");
    observer.refreshRefused("/", false, 401);
    observer.compressed("/", "br", 2000, 900);
    observer.compressed("/", "br", 2000, undefined);
    for (const saved of [1100, 0]) observer.codedHit(saved);
    observer.purged("everything", false);
    observer.inStore("pause", { code: "EIO", forMs: 50 });
    observer.inStore("resume", {});
    observer.error(hookError("tags", "x"));
    expect(observer.counters).toEqual({
      hits: 2,
      staleHits: 1,
      forwards: 1,
      collapsed: 1,
      compressed: 1,
      codedHits: 2,
      savedBytes: 1100,
      stored: 1,
      notStored: 1,
      refusedRefreshes: 1,
      purges: 1,
      pauses: 1,
      errors: 1,
    });
  });

  it("keeps an error of the start for its first listener, for a second", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const [late, never] = [new Observer(), new Observer()];
    const heard: unknown[] = [];
    const error = directoryError("/cache", "too small");
    for (const observer of [late, never]) observer.errorAtStart(error);
    vi.advanceTimersByTime(500);
    late.on("hit", () => undefined);
    for (const _ of [1, 2]) late.on("error", (told) => heard.push(told));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    vi.advanceTimersByTime(400);
    expect([heard, warned.mock.calls]).toEqual([[error, error], []]);
    vi.advanceTimersByTime(200);
    expect([heard.length, warned.mock.calls.length]).toEqual([2, 1]);
    late.errorAtStart(error);
    expect(heard).toHaveLength(4);
  });

  it("warns the process once of each kind of error that has no listener", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const observer = new Observer();
    observer.on("hit", () => {});
    for (const name of ["tags", "skip"]) observer.error(hookError(name, "x"));
    observer.error(directoryError("/cache", "is a file"));
    expect(warned.mock.calls).toMatchObject([
      ["`tags` failed: x", { type: "DiskCacheWarning", code: "ERR_DISKCACHE_HOOK" }],
      ["cache directory /cache: is a file", { type: "DiskCacheWarning", code: "ERR_DISKCACHE_DIRECTORY" }],
    ]);
  });

  it.each([
    { what: "a full disk", error: storeIoError("write", "/x", errno("ENOSPC")), warnings: 1 },
    { what: "a log that belongs to another user", error: storeIoError("read", "/x", errno("EACCES")), warnings: 1 },
    { what: "a file that was taken away", error: storeIoError("read", "/x", errno("ENOENT")), warnings: 0 },
    { what: "a purge on a full disk", error: purgeError("/x", errno("ENOSPC")), warnings: 1 },
    { what: "a purge of what is too long to be a page", error: purgeError("/x", new Error("too long")), warnings: 0 },
    { what: "a damaged file", error: corruptEntryError("/x", "too short"), warnings: 0 },
  ])("warns $warnings times of $what", ({ error, warnings }) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    new Observer().error(error);
    expect(warned).toHaveBeenCalledTimes(warnings);
  });

  it("leaves warnings to those who listen, to it or to its channel", () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const observer = new Observer();
    const listener = vi.fn<() => void>();
    observer.on("error", listener);
    observer.error(hookError("tags", "x"));
    observer.off("error", listener);
    subscribe("diskcache", listener);
    observer.error(hookError("tags", "x"));
    unsubscribe("diskcache", listener);
    expect([listener.mock.calls.length, warned.mock.calls.length]).toEqual([2, 0]);
  });

  it("tells every listener, in order, until he has had enough", () => {
    const observer = new Observer();
    const one = vi.fn<(event: { url: string }) => void>();
    const other = vi.fn<(event: { url: string }) => void>();
    observer.on("hit", one);
    observer.on("hit", other);
    observer.hit("/a", false);
    observer.off("hit", one);
    observer.hit("/b", false);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([1, 2]);
    expect(other).toHaveBeenLastCalledWith({ url: "/b", stale: false });
  });
});

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}
