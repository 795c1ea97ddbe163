import { hash } from "node:crypto";
import fs from "node:fs";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatIdentity, ownIdentity } from "../process-identity.js";
import { RoleLock } from "./role-lock.js";

function place() {
  const root = mkdtempSync(join(tmpdir(), "diskcache-sweeper-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  let elapsed = 0;
  let progress = 0;
  return {
    root,
    lock: () =>
      new RoleLock(fs, {
        path: `${root}/sweeper`,
        elapsed: () => elapsed,
        progress: () => String(progress),
        silentMs: 5_000,
      }),
    advance: (ms: number) => void (elapsed += ms),
    getOn: () => void progress++,
  };
}

describe("the right to sweep", () => {
  it("is one's at a time, and leaves nothing behind", () => {
    const { root, lock } = place();
    const [one, other] = [lock(), lock()];
    expect([one.take(), other.take()]).toEqual([true, false]);
    one.release();
    expect([other.take(), one.take()]).toEqual([true, false]);
    other.release();
    expect(readdirSync(root)).toEqual([]);
  });

  it("passes from a dead holder at once, and from one who is none of ours", () => {
    const { root, lock } = place();
    for (const holder of [formatIdentity({ ...ownIdentity, start: ownIdentity.start + 1 }), "a stranger"]) {
      symlinkSync(`${holder}-abcdef-0`, join(root, "sweeper"));
      const one = lock();
      expect(one.take()).toBe(true);
      one.release();
    }
  });

  it.each([
    { remover: "of a process that has died", identity: { ...ownIdentity, start: ownIdentity.start + 1 } },
    { remover: "of another machine", identity: { ...ownIdentity, machine: "00000000" } },
  ])("passes on although a remover $remover has not finished", ({ identity }) => {
    const { root, lock } = place();
    const target = `${formatIdentity({ ...ownIdentity, start: 1 })}-abcdef-0`;
    symlinkSync(target, join(root, "sweeper"));
    const claim = `sweeper-${hash("sha256", target).slice(0, 16)}`;
    symlinkSync(`${formatIdentity(identity)}-abcdef`, join(root, claim));
    const one = lock();
    expect(one.take()).toBe(true);
    one.release();
    expect(readdirSync(root)).toEqual([]);
  });

  it("is given back on a full disk, on which no claim can be made", () => {
    const { root } = place();
    let full = false;
    const symlinkSync: typeof fs.symlinkSync = (...given) => {
      if (full) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      fs.symlinkSync(...given);
    };
    const one = new RoleLock(
      { ...fs, symlinkSync },
      { path: `${root}/sweeper`, elapsed: () => 0, progress: () => "", silentMs: 5_000 },
    );
    expect(one.take()).toBe(true);
    full = true;
    one.release();
    expect(readdirSync(root)).toEqual([]);
  });

  it("stays with a living holder for as long as he gets on", () => {
    const { lock, advance, getOn } = place();
    const [one, other] = [lock(), lock()];
    one.take();
    for (let seconds = 0; seconds < 60; seconds++) {
      expect(other.take()).toBe(false);
      advance(1000);
      getOn();
    }
    expect(one.held).toBe(true);
  });

  it("passes from a living holder who has been silent, and he sees that", () => {
    const { lock, advance } = place();
    const [one, other] = [lock(), lock()];
    one.take();
    expect(other.take()).toBe(false);
    advance(5001);
    expect(other.take()).toBe(true);
    expect(one.held).toBe(false);
    one.release();
    expect(other.held).toBe(true);
  });
});
