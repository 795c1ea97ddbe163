/** A store with the options of a test, in whatever process; `compiled` is the path that `compileStore` gave. */
const HOUR_MS = 3_600_000;

/** @param {string} compiled @param {Record<string, unknown>} options */
export async function openStore(compiled, options) {
  const { DiskStore } = await import(compiled);
  return new DiskStore({
    memoryBytes: 0,
    maxSize: 2 ** 30,
    maxEntries: 1_000_000,
    minFree: 0,
    maxBody: 2 ** 24,
    durability: "none",
    strict: false,
    allowPublicDir: true,
    clock: { now: () => Date.now() },
    decode: (head) => head.meta,
    ...options,
  });
}

/** Head of an entry made now. */
export function headOf(store, key, more = {}) {
  const now = Date.now();
  const named = { key, scope: "", name: key, tags: [], meta: "" };
  return { ...named, storedAt: now, expiresAt: now + HOUR_MS, birth: store.position(), ...more };
}

/** Lets the event loop go round once. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The whole body of an entry. */
export async function bodyOf(entry) {
  if (entry.body !== undefined) return entry.body;
  const reader = entry.reader();
  const pieces = [];
  try {
    for (let at = 0; at < entry.bodyBytes;) {
      const piece = await reader.read(at, entry.bodyBytes);
      if (piece.length === 0) break;
      pieces.push(Buffer.from(piece));
      at += piece.length;
    }
  } finally {
    reader.close();
  }
  return Buffer.concat(pieces);
}
