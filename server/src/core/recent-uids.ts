import type { Uid } from './model/uid.ts';

/** More than this change within moments only in bulk work; then it is only known that many did. */
const MOST = 10_000;

/** Uids that something happened to within the last moments. */
export class RecentUids {
  readonly #windowMs: number;
  /** With the time of the last event; oldest first. */
  readonly #at = new Map<Uid, number>();
  /** Until then every uid counts as recent. */
  #allUntil = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(uid: Uid): void {
    const now = performance.now();
    this.#at.delete(uid);
    this.#at.set(uid, now);
    this.#trim(now);
    if (this.#at.size <= MOST) return;
    this.#at.clear();
    this.addAll();
  }

  /** For when it is not known which. */
  addAll(): void {
    this.#allUntil = performance.now() + this.#windowMs;
  }

  hasAny(uids: Iterable<Uid>): boolean {
    if (this.#mayHave()) {
      if (this.#isAll) return true;
      for (const uid of uids) if (this.#at.has(uid)) return true;
    }
    return false;
  }

  /** `above` and `upTo`: one bound exclusive, the other inclusive; undefined is no bound. */
  hasBetween(above: Uid | undefined, upTo: Uid | undefined): boolean {
    if (!this.#mayHave()) return false;
    if (this.#isAll) return true;
    const [low, high] = [above, upTo].map((uid) => (uid === undefined ? undefined : BigInt(uid)));
    for (const uid of this.#at.keys()) {
      const value = BigInt(uid);
      if ((low === undefined || value >= low) && (high === undefined || value <= high)) return true;
    }
    return false;
  }

  get #isAll(): boolean {
    return performance.now() < this.#allUntil;
  }

  #mayHave(): boolean {
    this.#trim(performance.now());
    return this.#isAll || this.#at.size > 0;
  }

  #trim(now: number): void {
    for (const [uid, at] of this.#at) {
      if (now - at <= this.#windowMs) return;
      this.#at.delete(uid);
    }
  }
}
