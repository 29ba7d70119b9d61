import type { Passwords } from '../accounts/passwords.ts';
import { OsproxyError } from '../errors.ts';
import type { LinkSigner } from '../link-signer.ts';
import type { Share, ShareTries } from '../model/share.ts';
import type { Clock } from '../ports/clock.ts';
import type { ShareCommands } from '../ports/metadata/shares.ts';
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

/**
 * Wrong passwords of one share from everywhere: so many at once, and then one each time that this long is over. Addresses that try for the first time have as
 * many for themselves, so that whoever guesses on from many addresses does not take the turns of those who come.
 */
const TRIES_OF_ALL = 250;
const ONE_EACH_MS = 10_000;

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
   * Throws Unauthenticated for a wrong password; RateLimited with the time to wait after too many: until the lock of the address is over or, where too many come
   * from everywhere, some seconds. Each try is counted before the password is looked at, so that
   * many at once are no more than one after the other.
   */
  async unlock(share: Share, password: string, address: string): Promise<ShareProof> {
    if (share.password !== undefined) {
      const own = `${share.id}/${networkOf(address)}`;
      const all = await this.#metadata.transaction((repositories) =>
        this.#count(repositories, share.id, own),
      );
      if (!(await this.#passwords.verify(password, share.password))) {
        throw new OsproxyError('Unauthenticated', 'This is not the password of this share.', {
          details: { field: 'password' },
        });
      }
      await this.#metadata.transaction((repositories) => this.#forgive(repositories, own, all));
    }
    const expiresAt = this.#clock.now() + this.#settings.proofMs;
    return { token: `${expiresAt}.${this.#signer.sign(proven(share, expiresAt))}`, expiresAt };
  }

  /** Resolves what the try was counted in beside that of the address. What is refused for the address does not count for all. */
  async #count({ shares }: MetadataWriter, shareId: string, own: string): Promise<string> {
    const now = this.#clock.now();
    const { tries, lockMs } = this.#settings;
    const found = await shares.lockTries(own, now + lockMs);
    const current = goesOn(found, lockMs, now) ? found : { count: 0, until: now + lockMs };
    if (current.count >= tries) throw lockedOut(current.until - now);
    await shares.setTries(own, { ...current, count: current.count + 1 });
    const all = `${shareId}/${current.count === 0 ? 'first' : 'again'}`;
    await takeTurn(shares, all, now);
    return all;
  }

  /** The right password makes good for the wrong ones before it from the same address, and gives back its own turn. */
  async #forgive({ shares }: MetadataWriter, own: string, all: string): Promise<void> {
    const now = this.#clock.now();
    const ofOwn = await shares.lockTries(own, now);
    await shares.setTries(own, { ...ofOwn, count: 0 });
    const ofAll = await shares.lockTries(all, now);
    await shares.setTries(all, { ...ofAll, until: Math.max(0, ofAll.until - ONE_EACH_MS) });
  }
}

/** Turns are counted by the moment at which all of them are free again, which each one moves. Throws RateLimited where none is free. */
async function takeTurn(
  shares: Pick<ShareCommands, 'lockTries' | 'setTries'>,
  name: string,
  now: number,
): Promise<void> {
  const spanMs = TRIES_OF_ALL * ONE_EACH_MS;
  const found = await shares.lockTries(name, now);
  const until = (goesOn(found, spanMs, now) ? found.until : now) + ONE_EACH_MS;
  if (until > now + spanMs) throw lockedOut(until - now - spanMs);
  await shares.setTries(name, { count: 0, until });
}

/** Clocks of nodes differ; what ends much later than it could if it began now was begun by a wrong one. */
function goesOn({ until }: ShareTries, spanMs: number, now: number): boolean {
  return until > now && until <= now + 2 * spanMs;
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
