import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { OsproxyError } from './errors.ts';

/** A signing secret under a short name that travels with each signature. */
export interface LinkKey {
  /** 1 to 16 of [a-z0-9]. */
  readonly id: string;
  /** At least 32 characters of secret text. */
  readonly secret: string;
}

/** Right signatures that are known again; with their texts some megabytes. */
const REMEMBERED = 8192;

/** HMAC-SHA-256 over a list of fields, under the first key; every configured key verifies, so that keys can be rotated. */
export class LinkSigner {
  readonly #keys = new Map<string, KeyObject>();
  readonly #currentId: string;
  /** What a right signature was made over; the oldest is forgotten first. */
  readonly #right = new Map<string, string>();

  constructor(keys: readonly LinkKey[]) {
    const [current] = keys;
    if (current === undefined) throw new OsproxyError('InvalidArgument', 'At least one link key is needed.');
    this.#currentId = current.id;
    for (const key of keys) {
      if (!/^[a-z0-9]{1,16}$/.test(key.id)) {
        throw new OsproxyError(
          'InvalidArgument',
          `The link key id "${key.id}" must have 1 to 16 characters of a-z and 0-9.`,
        );
      }
      if (key.secret.length < 32) {
        throw new OsproxyError(
          'InvalidArgument',
          `The secret of link key "${key.id}" must have at least 32 characters.`,
        );
      }
      if (this.#keys.has(key.id)) {
        throw new OsproxyError('InvalidArgument', `The link key id "${key.id}" is used twice.`);
      }
      this.#keys.set(key.id, createSecretKey(key.secret, 'utf8'));
    }
  }

  /** "<key id>.<mac>" in URL-safe characters. */
  sign(fields: readonly string[]): string {
    const key = this.#keys.get(this.#currentId) as KeyObject;
    return `${this.#currentId}.${mac(key, textOf(fields))}`;
  }

  /** Constant time in the signature. One that was right before is known again without computing it: links are read many times. */
  verify(fields: readonly string[], signature: string): boolean {
    const text = textOf(fields);
    if (this.#right.get(signature) === text) return true;
    const dot = signature.indexOf('.');
    const key = this.#keys.get(signature.slice(0, Math.max(dot, 0)));
    if (key === undefined) return false;
    // Compared as text: decoding would accept several spellings of one signature.
    const expected = Buffer.from(mac(key, text));
    const given = Buffer.from(signature.slice(dot + 1));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    this.#remember(signature, text);
    return true;
  }

  #remember(signature: string, text: string): void {
    if (this.#right.size >= REMEMBERED) this.#right.delete(this.#right.keys().next().value ?? '');
    this.#right.set(signature, text);
  }
}

/** Each field is preceded by its length, so that no two lists sign the same bytes. */
function textOf(fields: readonly string[]): string {
  let text = '';
  for (const field of fields) text += `${Buffer.byteLength(field)}:${field},`;
  return text;
}

function mac(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}
