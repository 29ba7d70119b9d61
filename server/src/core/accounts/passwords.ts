import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { OsproxyError } from '../errors.ts';

/** OWASP's second choice of parameters: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MOST_BYTES = 1024;
const FORM =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

const derive = promisify(argon2);

export interface PasswordOptions {
  /** Characters that a new password must have at least. */
  readonly minLength: number;
  /** Hashes computed at the same time, each with 19 MiB. */
  readonly atOnce: number;
  /** Hashes that may wait for their turn. */
  readonly mostWaiting: number;
}

/** Passwords as argon2id hashes in PHC form; so many at once and no more, so that signing in never takes all memory or threads. */
export class Passwords {
  readonly #options: PasswordOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #computed = 0;

  constructor(options: PasswordOptions) {
    this.#options = options;
  }

  /** Hashes computed so far, whatever for. */
  get computed(): number {
    return this.#computed;
  }

  /** Throws InvalidArgument for one that nobody may choose; `names` are texts that it must not be. */
  check(password: string, names: readonly (string | undefined)[]): void {
    const bad = (message: string) =>
      new OsproxyError('InvalidArgument', message, { details: { field: 'password' } });
    const { minLength } = this.#options;
    if ([...password].length < minLength) throw bad(`A password must have at least ${minLength} characters.`);
    if (Buffer.byteLength(password) > MOST_BYTES) {
      throw bad(`A password must not be longer than ${MOST_BYTES} bytes.`);
    }
    const same = (name: string | undefined) => name?.toLowerCase() === password.toLowerCase();
    if (names.some(same)) throw bad('The password must not be the name or the e-mail address.');
    if (new Set(password).size < 4) throw bad('The password must have at least four different characters.');
  }

  /** Rejects with RateLimited when too many are waiting. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const parameters = { memory: MEMORY_KIB, passes: PASSES, parallelism: LANES };
    const hash = await this.#compute(password, salt, HASH_BYTES, parameters);
    return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${plain(salt)}$${plain(hash)}`;
  }

  /**
   * Whether the password is the one that is kept. Takes as long where none is kept, and where it is too long to be right, so that nobody learns from
   * the time who has an account. Rejects with RateLimited when too many are waiting.
   */
  async verify(password: string, kept: string | undefined): Promise<boolean> {
    const [, memory, passes, lanes, salt = '', hash = ''] = FORM.exec(kept ?? '') ?? [];
    const tooLong = Buffer.byteLength(password) > MOST_BYTES;
    if (memory === undefined || tooLong) {
      await this.hash(tooLong ? '' : password);
      return false;
    }
    const wanted = Buffer.from(hash, 'base64');
    const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(lanes) };
    const found = await this.#compute(password, Buffer.from(salt, 'base64'), wanted.length, parameters);
    return timingSafeEqual(found, wanted);
  }

  /** True for one that was made with other parameters than today's. */
  isOutdated(kept: string): boolean {
    return !kept.startsWith(`$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$`);
  }

  async #compute(
    password: string,
    nonce: Buffer,
    tagLength: number,
    parameters: Pick<Argon2Parameters, 'memory' | 'passes' | 'parallelism'>,
  ): Promise<Buffer> {
    await this.#turn();
    this.#computed += 1;
    try {
      const message = password.normalize('NFC');
      return await derive('argon2id', { ...parameters, message, nonce, tagLength });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> | undefined {
    const { atOnce, mostWaiting } = this.#options;
    if (this.#running < atOnce) {
      this.#running += 1;
      return undefined;
    }
    if (this.#waiting.length >= mostWaiting) {
      throw new OsproxyError('RateLimited', 'Too many people sign in at the moment; try again shortly.', {
        retryAfterSeconds: 2,
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function plain(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
