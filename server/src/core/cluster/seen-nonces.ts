import { OsproxyError } from '../errors.ts';

const MOST = 250_000;

/** Remembers what was seen for at least `keepMs` and at most twice that, in bounded memory. */
export class SeenNonces {
  readonly #keepMs: number;
  readonly #most: number;
  #current = new Set<string>();
  #last = new Set<string>();
  #since = performance.now();

  constructor(keepMs: number, most = MOST) {
    this.#keepMs = keepMs;
    this.#most = most;
  }

  /** False when it was seen before. Throws RateLimited rather than forget one too early. */
  add(nonce: string): boolean {
    this.#turn();
    if (this.#current.has(nonce) || this.#last.has(nonce)) return false;
    if (this.#current.size >= this.#most) {
      throw new OsproxyError('RateLimited', 'The other nodes ask more often than can be checked.', {
        retryAfterSeconds: 1,
      });
    }
    this.#current.add(nonce);
    return true;
  }

  #turn(): void {
    const age = performance.now() - this.#since;
    if (age < this.#keepMs) return;
    this.#last = age < 2 * this.#keepMs ? this.#current : new Set();
    this.#current = new Set();
    this.#since = performance.now();
  }
}
