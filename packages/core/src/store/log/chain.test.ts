import { describe, expect, it } from "vitest";
import { Chain } from "./chain.js";
import { ORIGIN, SHARES_NOTE, standNote, takenNote } from "./chain-notes.js";
import type { ChainRecord } from "./chain-notes.js";
import { ALIVE, PURGED } from "./purge-marks.js";

const purge = { selector: { kind: "tag", tag: "t" }, soft: false } as const;

function sharing(): Chain {
  const chain = new Chain();
  chain.read(SHARES_NOTE, 0);
  return chain;
}

const born = (birth: number) => ({ scope: "", name: "/x", tags: ["t"], birth });

function record(number: number, before: string): ChainRecord {
  return { number, mark: `mark ${number}`, before, purge };
}

describe("what a directory knows of shared purges", () => {
  it("tells a purge of a copied directory from one at the same position of the original", () => {
    const [one, copy] = [sharing(), sharing()];
    one.purged({ ...purge, nonce: 1 }, 100, 7);
    copy.purged({ ...purge, nonce: 2 }, 100, 7);
    const [[own], [other]] = [[...one.own], [...copy.own]];
    expect(own?.mark).not.toBe(other?.mark);
  });

  it("takes over only what continues what it knows, and each record once", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 1);
    expect(chain.read(takenNote(record(2, ORIGIN.mark)), 2)).toBeUndefined();
    expect(chain.read(takenNote(record(1, "another")), 3)).toBeUndefined();
    expect(chain.read(takenNote(record(1, ORIGIN.mark)), 4)).toEqual(purge);
    expect(chain.read(takenNote(record(1, ORIGIN.mark)), 5)).toBeUndefined();
    expect(chain.stand).toEqual({ number: 1, mark: "mark 1" });
  });

  it("gives itself again in a snapshot", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 1);
    chain.read(takenNote(record(1, ORIGIN.mark)), 2);
    chain.purged({ ...purge, nonce: 1 }, 3, 7);
    for (const note of ['["relay","r"]', '["tick",5,"b"]', '["contact",6,"b"]']) chain.read(note, 4);
    const again = new Chain();
    for (const { text, position } of chain.snapshot()) expect(again.read(text, position ?? 0)).toBeUndefined();
    expect(again.snapshot()).toEqual(chain.snapshot());
    expect([again.stand, [...again.own], again.relays]).toEqual([chain.stand, [...chain.own], chain.relays]);
    expect(again.tickSince({ atMs: 5, boot: "b" })).toBe(4);
    expect([again.placeAt(0), again.placeAt(1)]).toEqual([
      { ...ORIGIN, position: 1 },
      { number: 1, mark: "mark 1", position: 2 },
    ]);
    expect([again.verdict(born(2)), again.verdict(born(3))]).toEqual([PURGED, ALIVE]);
  });

  it("knows where it stood when something was begun, and what has been purged on the chain since", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 10);
    chain.read(takenNote(record(1, ORIGIN.mark)), 20);
    chain.read(takenNote(record(2, "mark 1")), 30);
    const stands = [10, 11, 20, 21, 30, 31].map((birth) => chain.standAt(birth)?.number);
    expect(stands).toEqual([undefined, 0, 0, 1, 1, 2]);
    expect(chain.placeAt(3)).toBeUndefined();
    // Born just behind the first record: the second purges it.
    expect([chain.verdict(born(21)), chain.verdict(born(31))]).toEqual([PURGED, ALIVE]);
  });

  it("knows no place on the part of the chain that was lost", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 10);
    chain.read(takenNote(record(1, ORIGIN.mark)), 20);
    chain.read(takenNote(record(2, "mark 1")), 30);
    chain.read(standNote({ number: 1, mark: "mark 1" }, { number: 2, mark: "mark 2" }, false), 40);
    expect([chain.placeAt(1)?.position, chain.placeAt(2)]).toEqual([20, undefined]);
    expect(chain.standAt(35)?.number).toBe(1);
    chain.read(standNote({ number: 7, mark: "mark 7" }, { number: 1, mark: "mark 1" }, true), 50);
    expect([chain.placeAt(1), chain.placeAt(7)?.position]).toEqual([undefined, 50]);
  });

  it("remembers a bounded number of records, the newest", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 1);
    const last = 5_000;
    for (let number = 1; number <= last; number++) {
      chain.read(takenNote({ ...record(number, number === 1 ? ORIGIN.mark : `mark ${number - 1}`) }), number + 1);
    }
    const known = [...chain.known];
    expect(known.length).toBeGreaterThanOrEqual(2_048);
    expect(known.length).toBeLessThan(4_096);
    expect(known.at(-1)?.number).toBe(last);
    expect([chain.placeAt(last)?.position, chain.placeAt(1)]).toEqual([last + 1, undefined]);
    expect(chain.snapshot().length).toBeLessThan(2_100);
  });

  it("puts what was lost on the way back to what is common among its own again", () => {
    const chain = sharing();
    chain.read(standNote(ORIGIN, undefined, true), 1);
    chain.read(takenNote(record(1, ORIGIN.mark)), 2);
    const stand = { number: 1, mark: "mark 1" };
    chain.read(standNote(ORIGIN, stand, false), 3);
    expect([...chain.own]).toMatchObject([{ mark: "mark 1", selector: purge.selector }]);
    // Another relay has seen the same: it happens once.
    expect(chain.read(standNote({ number: 9, mark: "x" }, stand, true), 4)).toBeUndefined();
    expect(chain.stand).toEqual(ORIGIN);
  });

  it("changes nothing for a note that it does not understand", () => {
    const chain = sharing();
    for (const text of ["", "{}", "[]", '["later",1]', '["taken"]', "null"]) chain.read(text, 1);
    expect(chain.snapshot()).toEqual(sharing().snapshot());
  });
});
