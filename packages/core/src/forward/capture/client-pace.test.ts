import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientPace } from "./slow-client.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a client that is slower than the handler", () => {
  it("is left behind at once when others wait", () => {
    const leave = vi.fn<() => void>();
    new ClientPace(() => true).stalls(leave);
    expect([leave.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("is left behind as soon as others come, once", () => {
    const leave = vi.fn<() => void>();
    const pace = new ClientPace(() => false);
    pace.stalls(leave);
    expect(leave).not.toHaveBeenCalled();
    pace.followed();
    pace.followed();
    expect([leave.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("may hold the handler up by himself for a moment, and no longer", () => {
    const leave = vi.fn<() => void>();
    const pace = new ClientPace(() => false);
    pace.stalls(leave);
    vi.advanceTimersByTime(99);
    pace.stalls(leave);
    expect(leave).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it("is not left behind once he has caught up", () => {
    const leave = vi.fn<() => void>();
    const pace = new ClientPace(() => false);
    pace.stalls(leave);
    pace.flows();
    pace.followed();
    expect([leave.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
