/**
 * Seals entries with a secret, so that a process without the secret can neither forge one nor put one in the place of
 * another; or also encrypts them, so that such a process cannot read one either. Never touches a file, never throws on
 * what it reads.
 *
 * Keys are derived from the secret by HKDF-SHA-256 (RFC 5869): one for authentication, and one for each encrypted
 * entry, from the entry's own 32 random bytes and its name on disk. Every seal covers the name, so it is invalid under
 * any other. Bodies are sealed in pieces of `CHUNK_BYTES` that carry their number. The head, which has a seal of its
 * own, gives the number of pieces and the length.
 *
 * ```
 * in the preamble   92  32 random bytes: the salt
 *                  124  u32             which secret: derived from it, reveals nothing about it
 * behind the head       its tag:  HMAC-SHA-256("head" name, bytes 16 … end of the head), 32 bytes
 *                                 or of AES-256-GCM under nonce 0, with bytes 16 … 128 authenticated too, 16 bytes
 * behind the body       one tag for each chunk:  HMAC-SHA-256("body" salt, u32 number, chunk),
 *                                 or of AES-256-GCM under nonce 1 + number
 * ```
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import type { CipherGCM, Hmac, KeyObject } from "node:crypto";

export const FLAG_AUTHENTICATED = 2;
export const FLAG_ENCRYPTED = 4;
const SALT_AT = 92;
const SALT_BYTES = 32;
const KEY_ID_AT = 124;
/** The seal of a head covers the bytes from behind the checksum on; the checksum covers the seal in turn. */
const SEALED_FROM = 16;
const HEAD_AT = 128;
const MAC_BYTES = 32;
/** Longest tag of a head. */
export const MAX_TAG_BYTES = MAC_BYTES;
const GCM_TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** An entry's path ends with two hex digits, a slash and 62 more: the digest of its key. */
const NAME_CHARACTERS = 65;

/** Length of the tag of a head and of each chunk; 0 for an entry without a seal. */
export function tagBytesOf(flags: number): number {
  if ((flags & FLAG_ENCRYPTED) !== 0) return GCM_TAG_BYTES;
  return (flags & FLAG_AUTHENTICATED) === 0 ? 0 : MAC_BYTES;
}

/** The seal of one entry: made for an entry that is written, or read back with one that is read. */
export interface EntrySeal {
  readonly flags: number;
  readonly tagBytes: number;
  /** Puts salt and secret into a preamble. */
  stamp(preamble: Buffer): void;
  /** Seals preamble and head in place; the last `tagBytes` of `bytes` become the tag. Once for each seal. */
  sealHead(bytes: Buffer): void;
  /** Preamble and head as they were before sealing, without the tag; `undefined` when the tag does not match. */
  openHead(bytes: Buffer): Buffer | undefined;
  /** Begins to seal a chunk. Once for each number. */
  chunk(index: number): ChunkSeal;
  /** A chunk as it was before sealing; `undefined` when its tag does not match. */
  openChunk(index: number, chunk: Buffer, tag: Buffer): Buffer | undefined;
  /** A part of a chunk that is still being written, as it was before sealing: unverified. */
  reveal(index: number, offset: number, part: Buffer): Buffer;
}

/** A chunk on its way to the disk. */
export interface ChunkSeal {
  /** What to write for a piece: the same number of bytes. */
  update(piece: Buffer): Buffer;
  tag(): Buffer;
}

interface Secret {
  readonly key: KeyObject;
  readonly id: number;
}

/** Makes seals with the first of its secrets, and opens those of all of them. */
export class Seals {
  /** The one flag of the entries it makes and accepts. */
  readonly flags: number;
  readonly #secrets: readonly [Secret, ...Secret[]];
  readonly #encrypt: boolean;

  constructor(secrets: readonly Buffer[], encrypt: boolean) {
    this.flags = encrypt ? FLAG_ENCRYPTED : FLAG_AUTHENTICATED;
    this.#encrypt = encrypt;
    this.#secrets = secrets.map((secret) => derived(secret, encrypt)) as [Secret, ...Secret[]];
  }

  /** For an entry to be written under this path. */
  begin(path: string): EntrySeal {
    return this.#seal(this.#secrets[0], path, randomBytes(SALT_BYTES));
  }

  /** For an entry that was found under this path; `undefined` when it was sealed with another secret. */
  take(path: string, preamble: Buffer): EntrySeal | undefined {
    const id = preamble.readUInt32LE(KEY_ID_AT);
    const secret = this.#secrets.find((known) => known.id === id);
    if (secret === undefined) return undefined;
    return this.#seal(secret, path, Buffer.from(preamble.subarray(SALT_AT, SALT_AT + SALT_BYTES)));
  }

  #seal(secret: Secret, path: string, salt: Buffer): EntrySeal {
    const name = path.slice(-NAME_CHARACTERS);
    return this.#encrypt ? new Encryption(secret, name, salt) : new Authentication(secret, name, salt);
  }
}

class Authentication implements EntrySeal {
  readonly flags = FLAG_AUTHENTICATED;
  readonly tagBytes = MAC_BYTES;
  readonly #secret: Secret;
  readonly #name: string;
  readonly #salt: Buffer;

  constructor(secret: Secret, name: string, salt: Buffer) {
    this.#secret = secret;
    this.#name = name;
    this.#salt = salt;
  }

  stamp(preamble: Buffer): void {
    writeStamp(preamble, this.#salt, this.#secret.id);
  }

  sealHead(bytes: Buffer): void {
    const end = bytes.length - MAC_BYTES;
    this.#headMac(bytes.subarray(SEALED_FROM, end)).copy(bytes, end);
  }

  openHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.length - MAC_BYTES;
    return timingSafeEqual(this.#headMac(bytes.subarray(SEALED_FROM, end)), bytes.subarray(end))
      ? bytes.subarray(0, end)
      : undefined;
  }

  chunk(index: number): ChunkSeal {
    const mac = this.#chunkMac(index);
    return {
      update: (piece) => {
        mac.update(piece);
        return piece;
      },
      tag: () => mac.digest(),
    };
  }

  openChunk(index: number, chunk: Buffer, tag: Buffer): Buffer | undefined {
    return timingSafeEqual(this.#chunkMac(index).update(chunk).digest(), tag) ? chunk : undefined;
  }

  reveal(_index: number, _offset: number, part: Buffer): Buffer {
    return part;
  }

  #headMac(sealed: Buffer): Buffer {
    return createHmac("sha256", this.#secret.key).update(`head${this.#name}`).update(sealed).digest();
  }

  #chunkMac(index: number): Hmac {
    const label = Buffer.allocUnsafe(4 + SALT_BYTES + 4);
    label.write("body", 0, "latin1");
    this.#salt.copy(label, 4);
    label.writeUInt32LE(index, 4 + SALT_BYTES);
    return createHmac("sha256", this.#secret.key).update(label);
  }
}

class Encryption implements EntrySeal {
  readonly flags = FLAG_ENCRYPTED;
  readonly tagBytes = GCM_TAG_BYTES;
  readonly #salt: Buffer;
  readonly #secretId: number;
  readonly #key: Buffer;

  constructor(secret: Secret, name: string, salt: Buffer) {
    this.#salt = salt;
    this.#secretId = secret.id;
    this.#key = Buffer.from(hkdfSync("sha256", secret.key, salt, `diskcache entry ${name}`, KEY_BYTES));
  }

  stamp(preamble: Buffer): void {
    writeStamp(preamble, this.#salt, this.#secretId);
  }

  sealHead(bytes: Buffer): void {
    const end = bytes.length - GCM_TAG_BYTES;
    const cipher = this.#cipher(HEAD_NONCE);
    cipher.setAAD(bytes.subarray(SEALED_FROM, HEAD_AT));
    cipher.update(bytes.subarray(HEAD_AT, end)).copy(bytes, HEAD_AT);
    cipher.final();
    cipher.getAuthTag().copy(bytes, end);
  }

  openHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.length - GCM_TAG_BYTES;
    const aad = bytes.subarray(SEALED_FROM, HEAD_AT);
    const head = this.#open(HEAD_NONCE, aad, bytes.subarray(HEAD_AT, end), bytes.subarray(end));
    return head && Buffer.concat([bytes.subarray(0, HEAD_AT), head]);
  }

  chunk(index: number): ChunkSeal {
    const cipher = this.#cipher(FIRST_CHUNK_NONCE + index);
    return {
      update: (piece) => cipher.update(piece),
      tag: () => {
        cipher.final();
        return cipher.getAuthTag();
      },
    };
  }

  openChunk(index: number, chunk: Buffer, tag: Buffer): Buffer | undefined {
    return this.#open(FIRST_CHUNK_NONCE + index, undefined, chunk, tag);
  }

  // GCM is counter mode with a tag (NIST SP 800-38D §7.1): its first block of text has counter 2, and any block can be
  // decrypted without those before it.
  reveal(index: number, offset: number, part: Buffer): Buffer {
    const counter = Buffer.alloc(16);
    nonceOf(FIRST_CHUNK_NONCE + index).copy(counter);
    counter.writeUInt32BE(2 + Math.floor(offset / 16), NONCE_BYTES);
    const decipher = createDecipheriv("aes-256-ctr", this.#key, counter);
    decipher.update(Buffer.alloc(offset % 16));
    return decipher.update(part);
  }

  #cipher(nonce: number): CipherGCM {
    return createCipheriv("aes-256-gcm", this.#key, nonceOf(nonce));
  }

  #open(nonce: number, aad: Buffer | undefined, sealed: Buffer, tag: Buffer): Buffer | undefined {
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonceOf(nonce), { authTagLength: GCM_TAG_BYTES });
    decipher.setAuthTag(tag);
    if (aad !== undefined) decipher.setAAD(aad);
    const opened = decipher.update(sealed);
    try {
      decipher.final();
      return opened;
    } catch {
      return undefined;
    }
  }
}

// The key is the entry's own, so the nonce is unique under it.
const HEAD_NONCE = 0;
const FIRST_CHUNK_NONCE = 1;

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(number, NONCE_BYTES - 6, 6);
  return nonce;
}

// Authentication and encryption never share a key, nor do the cache and any other use of the same secret in the
// application.
function derived(secret: Buffer, encrypt: boolean): Secret {
  const use = `diskcache 1 ${encrypt ? "encrypt" : "authenticate"}`;
  const bytes = Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), use, KEY_BYTES + 4));
  return { key: createSecretKey(bytes.subarray(0, KEY_BYTES)), id: bytes.readUInt32LE(KEY_BYTES) };
}

function writeStamp(preamble: Buffer, salt: Buffer, secretId: number): void {
  salt.copy(preamble, SALT_AT);
  preamble.writeUInt32LE(secretId, KEY_ID_AT);
}
