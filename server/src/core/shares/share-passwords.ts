import type { Passwords } from '../accounts/passwords.ts';
import { OsproxyError } from '../errors.ts';
import type { LinkSigner } from '../link-signer.ts';
import type { Share } from '../model/share.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import { networkOf } from '../rate-limits.ts';

export interface SharePasswordSettings {
  /** Wrong passwords of one share from one address within `lockMs`, after which it is locked out until they are over. */
  readonly tries: number;
  readonly lockMs: number;
  /** How long a proof lasts. */
  readonly proofMs: number;
}

export interface ShareProof {
  /** Shown with every request: that its bearer knew the password of this share. */
  readonly token: string;
  readonly expiresAt: number;
}

/** Wrong passwords of one share from everywhere within an hour, after which nobody may try until it is over. */
const TRIES_OF_ALL = 100;
const HOUR_MS = 3_600_000;

/** Passwords of shares, and the proofs of having known one. */
export class SharePasswords {
  readonly #metadata: Pick<Metadata, 'transaction'>;
  readonly #passwords: Passwords;
  readonly #signer: LinkSigner;
  readonly #clock: Clock;
  readonly #settings: SharePasswordSettings;

  constructor(options: {
    metadata: Pick<Metadata, 'transaction'>;
    passwords: Passwords;
    signer: LinkSigner;
    clock: Clock;
    settings: SharePasswordSettings;
  }) {
    this.#metadata = options.metadata;
    this.#passwords = options.passwords;
    this.#signer = options.signer;
    this.#clock = options.clock;
    this.#settings = options.settings;
  }

  /** True where the token proves the password that the share has now, or it has none. */
  isProven(share: Share, token: string | undefined): boolean {
    if (share.password === undefined) return true;
    const [, text = '', signature = ''] = /^([1-9]\d{0,14})\.(.+)$/.exec(token ?? '') ?? [];
    const expiresAt = Number(text);
    return expiresAt > this.#clock.now() && this.#signer.verify(proven(share, expiresAt), signature);
  }

  /**
   * Throws Unauthenticated for a wrong password; RateLimited with the time to wait after too many. Each try is counted before the password is looked at, so that
   * many at once are no more than one after the other.
   */
  async unlock(share: Share, password: string, address: string): Promise<ShareProof> {
    if (share.password !== undefined) {
      const names = [`${share.id}/${networkOf(address)}`, share.id] as const;
      await this.#metadata.transaction((repositories) => this.#count(repositories, names));
      if (!(await this.#passwords.verify(password, share.password))) {
        throw new OsproxyError('Unauthenticated', 'This is not the password of this share.', {
          details: { field: 'password' },
        });
      }
      await this.#metadata.transaction((repositories) => this.#forgive(repositories, names));
    }
    const expiresAt = this.#clock.now() + this.#settings.proofMs;
    return { token: `${expiresAt}.${this.#signer.sign(proven(share, expiresAt))}`, expiresAt };
  }

  async #count({ shares }: MetadataWriter, [own, all]: readonly [string, string]): Promise<void> {
    const now = this.#clock.now();
    const { tries, lockMs } = this.#settings;
    for (const [name, most, windowMs] of [
      [all, TRIES_OF_ALL, HOUR_MS],
      [own, tries, lockMs],
    ] as const) {
      const found = await shares.lockTries(name, now + windowMs);
      const current = found.until <= now ? { count: 0, until: now + windowMs } : found;
      if (current.count >= most) throw lockedOut(current.until - now);
      await shares.setTries(name, { ...current, count: current.count + 1 });
    }
  }

  /** The right password makes good for the wrong ones before it from the same side. */
  async #forgive({ shares }: MetadataWriter, [own, all]: readonly [string, string]): Promise<void> {
    const now = this.#clock.now();
    const ofAll = await shares.lockTries(all, now);
    await shares.setTries(all, { ...ofAll, count: Math.max(0, ofAll.count - 1) });
    const ofOwn = await shares.lockTries(own, now);
    await shares.setTries(own, { ...ofOwn, count: 0 });
  }
}

function proven(share: Share, expiresAt: number): string[] {
  return ['share', share.id, String(share.passwordEpoch), String(expiresAt)];
}

function lockedOut(waitMs: number): OsproxyError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new OsproxyError('RateLimited', `Too many wrong passwords; try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  });
}
