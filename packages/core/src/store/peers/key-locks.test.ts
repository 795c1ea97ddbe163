import { execFileSync, spawn } from "node:child_process";
import { hash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import type { PathLike } from "node:fs";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { KeyLock } from "../contract.js";
import type { FileSystem } from "../file-system.js";
import { KeyLocks } from "./key-locks.js";
import type { LockHolders } from "./key-locks.js";
import { formatIdentity, liveness, ownIdentity } from "../process-identity.js";

/** As the kernel tells. */
const HOLDERS: LockHolders = {
  lives: (identity) => liveness(identity) !== "dead",
  hold: () => undefined,
  release: () => undefined,
};
const LONG_MS = 20_000;

function place() {
  const root = mkdtempSync(join(tmpdir(), "diskcache-locks-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  let now = 1_000_000;
  return {
    root,
    locks: (files: FileSystem = fs, holders = HOLDERS) => new KeyLocks(files, root, () => now, holders),
    advance: (ms: number) => void (now += ms),
    names: () => (existsSync(`${root}/locks`) ? readdirSync(`${root}/locks`) : []),
    plant: (holder: string, since = now) => {
      mkdirSync(`${root}/locks`, { recursive: true });
      symlinkSync(`${holder}-abcdef-0@${since}`, `${root}/locks/${hash("sha256", "k")}`);
    },
  };
}

function held(lock: KeyLock | "held" | undefined): KeyLock {
  if (typeof lock !== "object") throw new Error(`expected a lock, got ${lock}`);
  return lock;
}

/** A process that has ended. */
function deadHolder(): string {
  const pid = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
  return formatIdentity({ ...ownIdentity, pid });
}

describe("the lock of a key", () => {
  it("has one holder at a time, until he gives it back", () => {
    const { locks, names } = place();
    const [one, other] = [locks(), locks()];
    const lock = held(one.take("k"));
    expect([other.take("k"), typeof other.take("another key")]).toEqual(["held", "object"]);
    lock.release();
    held(other.take("k")).release();
    expect(names()).toHaveLength(1); // the other key's
  });

  it("is taken from a dead holder at once", () => {
    const { locks, plant } = place();
    plant(deadHolder());
    expect(locks().take("k")).toBeTypeOf("object");
  });

  it("is taken from a dead holder by one of all who find it, and never from that one", () => {
    const { locks, plant, root } = place();
    plant(deadHolder());
    const path = `${root}/locks/${hash("sha256", "k")}`;
    const one = locks();
    let first: KeyLock | "held" | undefined;
    const removed: PathLike[] = [];
    const late = locks({
      ...fs,
      // It has seen the dead one's lock; before it does anything about it, another one is through.
      symlinkSync: (target: PathLike, at: PathLike) => {
        if (at !== path) first ??= one.take("k");
        fs.symlinkSync(target, at);
      },
      unlinkSync: (at: PathLike) => {
        removed.push(at);
        fs.unlinkSync(at);
      },
    });
    expect(late.take("k")).toBe("held");
    expect(removed).not.toContain(path);
    held(first).release();
    expect(late.take("k")).toBeTypeOf("object");
  });

  it("is as good as held while another one takes it from a dead holder", async () => {
    const { locks, plant } = place();
    plant(deadHolder());
    const late = locks();
    let seen: unknown;
    let waiting: Promise<unknown> | undefined;
    const unlinkSync = (at: PathLike): void => {
      seen ??= late.take("k");
      waiting ??= late.released("k", LONG_MS);
      fs.unlinkSync(at);
    };
    const lock = held(locks({ ...fs, unlinkSync }).take("k"));
    expect(seen).toBe("held");
    await expect(Promise.race([waiting, new Promise((go) => setImmediate(go, "waits"))])).resolves.toBe("waits");
    lock.release();
    await waiting;
  });

  it("is taken from a dead holder also after the one who was about to has died over it", () => {
    const { locks, names, plant, root } = place();
    plant(deadHolder());
    const unlinkSync = (): never => {
      throw Object.assign(new Error("EIO"), { code: "EIO" });
    };
    locks({ ...fs, unlinkSync }).take("k");
    const claim = `${root}/locks/${names().find((name) => name.includes("-"))}`;
    expect(locks().take("k")).toBe("held"); // he lives
    fs.unlinkSync(claim);
    symlinkSync(`${deadHolder()}-abcdef`, claim);
    expect(locks().take("k")).toBeTypeOf("object");
    expect(names()).toHaveLength(1);
  });

  it("is taken from a process whose number was given to another one since", () => {
    const { locks, plant } = place();
    plant(formatIdentity({ ...ownIdentity, start: ownIdentity.start + 1 }));
    expect(locks().take("k")).toBeTypeOf("object");
  });

  it.each(["EROFS", "EACCES"])("of a dead holder that cannot be taken away (%s) is nobody's to wait for", (code) => {
    const { locks, plant } = place();
    plant(deadHolder());
    const unlinkSync = (): never => {
      throw Object.assign(new Error(code), { code });
    };
    expect(locks({ ...fs, unlinkSync }).take("k")).toBeUndefined();
  });

  it.each([
    { given: "older than a minute", ms: 60_000 },
    { given: "of a future that the clock has left", ms: -1 },
  ])("is taken from a living holder when it is $given", ({ ms }) => {
    const { locks, advance } = place();
    const first = held(locks().take("k"));
    advance(ms);
    const second = held(locks().take("k"));
    // Whoever comes back late does not open what another holds now.
    first.release();
    expect(locks().take("k")).toBe("held");
    second.release();
  });

  it("is taken from a holder whose work a purge has ended since, and from no other", () => {
    const { locks } = place();
    const making = (birth: number, purgedUpTo = 0) => ({ birth, isOutdated: (since: number) => since <= purgedUpTo });
    const first = held(locks().take("k", making(7)));
    expect([locks().take("k", making(9, 6)), locks().take("k")]).toEqual(["held", "held"]);
    const second = held(locks().take("k", making(9, 8)));
    first.release();
    expect(locks().take("k", making(9, 8))).toBe("held");
    second.release();
    held(locks().take("k")); // nobody knows when that began
    expect(locks().take("k", making(9, 8))).toBe("held");
  });

  it("that is not one of ours is nobody's", () => {
    const { locks, plant } = place();
    plant("a stranger");
    expect(locks().take("k")).toBeTypeOf("object");
  });

  it("comes with its directory, and comes back when that was removed", () => {
    const { root, locks } = place();
    const lock = held(locks().take("k"));
    rmSync(`${root}/locks`, { recursive: true });
    held(locks().take("k"));
    lock.release();
    expect(locks().take("k")).toBe("held");
  });

  it.each(["EPERM", "ENOSPC", "EROFS", "EACCES", "ENOTDIR"])("cannot be had where the file system says %s", (code) => {
    const { locks } = place();
    const symlinkSync = () => {
      throw Object.assign(new Error(code), { code });
    };
    expect(locks({ ...fs, symlinkSync }).take("k")).toBeUndefined();
  });

  it("leaves nothing behind, and what the dead left is swept", async () => {
    const { root, locks, names, plant } = place();
    plant(deadHolder());
    symlinkSync("x", `${root}/locks/${hash("sha256", "k")}-${deadHolder()}-abcdef-3`);
    const lock = held(locks().take("other"));
    await new Promise(setImmediate);
    lock.release();
    expect(names()).toEqual([]);
  });
});

describe("waiting for a lock", () => {
  it("is over when the holder gives it back", async () => {
    const { locks } = place();
    const lock = held(locks().take("k"));
    const waiting = locks().released("k", LONG_MS);
    lock.release();
    await waiting;
    expect(locks().take("k")).toBeTypeOf("object");
  });

  it("is over at once when a dead process holds it, or it is gone: then another one may be about to take it", async () => {
    const { locks, plant } = place();
    await expect(locks().released("k", LONG_MS)).resolves.toBe("abandoned");
    plant(deadHolder());
    await expect(locks().released("k", LONG_MS)).resolves.toBe("abandoned");
  });

  it("tells that the holder has died, also when another one has cleared his lock away by then", async () => {
    const { locks, names, plant, root } = place();
    const holder = spawn("sleep", ["1000"], { stdio: "ignore" });
    plant(formatIdentity({ ...ownIdentity, pid: holder.pid!, start: 0 }));
    const waiting = locks().released("k", LONG_MS);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    for (const name of names()) unlinkSync(`${root}/locks/${name}`);
    await expect(waiting).resolves.toBe("abandoned");
  });

  it("does not begin anew for a holder who has had his time", async () => {
    const { locks, advance } = place();
    const lock = held(locks().take("k"));
    advance(LONG_MS);
    await expect(locks().released("k", LONG_MS)).resolves.toBe("over");
    lock.release();
  });

  it("is over when its time is up", async () => {
    const { locks } = place();
    const lock = held(locks().take("k"));
    await locks().released("k", 5);
    expect(locks().take("k")).toBe("held");
    lock.release();
  });

  it("is over when the directory goes", async () => {
    const { root, locks } = place();
    held(locks().take("k"));
    const waiting = locks().released("k", LONG_MS);
    rmSync(root, { recursive: true });
    await expect(waiting).resolves.toBe("over");
  });
});

describe("a lock that is given back", () => {
  afterEach(() => void vi.useRealTimers());

  const deaf = (): never => {
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  };

  it("is noticed within 16 ms, however long it was waited for, where the file system tells nothing", async () => {
    const { locks } = place();
    for (const heldMs of [1, 50, 500, 4_000]) {
      const lock = held(locks().take("k"));
      vi.useFakeTimers();
      let over = false;
      const waiting = locks({ ...fs, watch: deaf })
        .released("k", LONG_MS)
        .then(() => (over = true));
      await vi.advanceTimersByTimeAsync(heldMs);
      expect(over).toBe(false);
      lock.release();
      await vi.advanceTimersByTimeAsync(16);
      expect(over).toBe(true);
      vi.useRealTimers();
      await waiting;
    }
  });

  it("is noticed at once where the file system tells, and looked for less and less then", async () => {
    const { locks } = place();
    let tell = (_event: string, _name: string | null): void => {};
    let watches = 0;
    let looks = 0;
    const watch = (_directory: string, _options: object, listener: typeof tell) => {
      tell = listener;
      watches++;
      return Object.assign(new EventEmitter(), { close: () => void watches-- });
    };
    const readlinkSync = (path: string) => {
      looks++;
      return fs.readlinkSync(path);
    };
    const waiter = locks({ ...fs, watch, readlinkSync } as unknown as FileSystem);
    vi.useFakeTimers();
    for (const name of [hash("sha256", "k"), null]) {
      const lock = held(locks().take("k"));
      const waiting = waiter.released("k", LONG_MS);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(watches).toBe(1);
      lock.release();
      tell("rename", hash("sha256", "another"));
      tell("rename", name);
      await waiting; // no time has passed
      expect(watches).toBe(0);
      if (name !== null) looks = 0;
    }
    expect(looks).toBeLessThan(20);
  });

  it("is noticed all the same when the watch breaks", async () => {
    const { locks } = place();
    const watcher = Object.assign(new EventEmitter(), { close: () => {} });
    const lock = held(locks().take("k"));
    const waiting = locks({ ...fs, watch: () => watcher } as unknown as FileSystem).released("k", LONG_MS);
    watcher.emit("error", new Error("ENOENT"));
    lock.release();
    await expect(waiting).resolves.toBe("over");
  });
});

describe("a holder of whom the kernel tells nothing", () => {
  it("is waited for as long as it makes itself known, and then no more", async () => {
    const { locks, plant } = place();
    let lives = true;
    const own = locks(fs, { ...HOLDERS, lives: () => lives });
    plant("00000000-1-1");
    expect(own.take("k")).toBe("held");
    const waiting = own.released("k", LONG_MS);
    lives = false;
    expect(await waiting).toBe("abandoned");
    held(own.take("k")).release();
  });

  it("holds this process to showing itself from before there is a lock until it is given back, once", () => {
    const { locks, names } = place();
    const counted: number[] = [];
    let holds = 0;
    const hold = () => void counted.push(++holds, names().length);
    const own = locks(fs, { ...HOLDERS, hold, release: () => void holds-- });
    const lock = held(own.take("k"));
    expect(own.take("k")).toBe("held");
    expect(holds).toBe(1);
    lock.release();
    lock.release();
    expect([holds, counted]).toEqual([0, [1, 0, 2, 1]]);
  });
});
