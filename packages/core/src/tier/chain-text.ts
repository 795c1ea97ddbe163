/** What a record of the chain says, as text that only the machines have to understand. With a secret, an engine can
 * neither forge a record nor, where pages are encrypted, read one. Never throws on what it reads. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { purgeFields, purgeIn } from "../store/log/chain-notes.js";
import type { ChainPurge, OwnPurge } from "../store/log/chain-notes.js";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAC_CHARACTERS = 43;
/** A record that continues the chain, and purges nothing. */
export const FOUNDED = "";

/** `"unreadable"`: it was not written by a machine with one of these secrets. */
export type Said = ChainPurge | undefined | "unreadable";

export class ChainText {
  readonly #keys: readonly Buffer[];
  readonly #encrypt: boolean;

  /** @param secrets the first writes, all of them read; `undefined` for none */
  constructor(secrets: readonly Buffer[] | undefined, encrypt: boolean) {
    this.#keys = (secrets ?? []).map((secret) => Buffer.from(hkdfSync("sha256", secret, "", "diskcache tier", 32)));
    this.#encrypt = encrypt;
  }

  /** What is put on the chain. Each time with another mark: a record that is told again after a loss is another one,
   * also where it comes to stand at the same number. */
  record(purge: OwnPurge): { readonly mark: string; readonly text: string } {
    return { mark: purge.mark + randomBytes(3).toString("base64url"), text: this.write(purge) };
  }

  write(purge: ChainPurge): string {
    const plain = JSON.stringify(purgeFields(purge));
    const [key] = this.#keys;
    if (key === undefined) return plain;
    if (!this.#encrypt) return macOf(key, plain) + plain;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const sealed = [nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat(sealed).toString("base64url");
  }

  read(text: string): Said {
    if (text === FOUNDED) return undefined;
    const plain = this.#keys.length === 0 ? text : this.#opened(text);
    return (plain === undefined ? undefined : purgeIn(fieldsIn(plain))) ?? "unreadable";
  }

  #opened(text: string): string | undefined {
    for (const key of this.#keys) {
      const plain = this.#encrypt ? decrypted(key, text) : authentic(key, text);
      if (plain !== undefined) return plain;
    }
    return undefined;
  }
}

function macOf(key: Buffer, plain: string): string {
  return createHmac("sha256", key).update(plain, "utf8").digest("base64url");
}

function authentic(key: Buffer, text: string): string | undefined {
  const [mac, plain] = [text.slice(0, MAC_CHARACTERS), text.slice(MAC_CHARACTERS)];
  const [given, own] = [Buffer.from(mac), Buffer.from(macOf(key, plain))];
  return given.length === own.length && timingSafeEqual(given, own) ? plain : undefined;
}

function decrypted(key: Buffer, text: string): string | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}

function fieldsIn(plain: string): readonly unknown[] {
  try {
    const fields: unknown = JSON.parse(plain);
    return Array.isArray(fields) ? fields : [];
  } catch {
    return [];
  }
}
