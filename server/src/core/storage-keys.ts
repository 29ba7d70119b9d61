import { randomBytes } from 'node:crypto';

const KEYS_PER_SHELF = 1000;

/**
 * Makes opaque storage keys "<shelf>/<random>". A shelf is one of 65 536 folders; a process stays with one for a thousand keys, so that
 * folders fill evenly in the long run while neighbours in time can be made durable together.
 */
export class StorageKeys {
  #shelf = '';
  #left = 0;

  next(): string {
    if (this.#left === 0) {
      const pick = randomBytes(2).toString('hex');
      this.#shelf = `${pick.slice(0, 2)}/${pick.slice(2)}`;
      this.#left = KEYS_PER_SHELF;
    }
    this.#left -= 1;
    return `${this.#shelf}/${randomBytes(16).toString('hex')}`;
  }
}
