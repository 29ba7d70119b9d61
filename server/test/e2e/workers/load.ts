import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RestClient } from '../rest/client.ts';

export interface Loaded {
  /** SHA-256 by uid of everything that was acknowledged. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** What went wrong although it was tried twice. */
  readonly failures: readonly string[];
  /** Requests that were sent again. */
  readonly retried: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly apiKey: string;
  readonly lanes: number;
  /** Bytes of the largest file. */
  readonly mostBytes: number;
  /** Failures that a client may meet and try again once. */
  readonly mayRetry: (error: NodeJS.ErrnoException) => boolean;
  /** Without it a request is tried again once; with it, as often as this time allows. */
  readonly patienceMs?: number;
}

/** Clients that upload new files and read them back until they are told to stop. */
export class Load {
  readonly #options: LoadOptions;
  readonly #acknowledged = new Map<string, string>();
  readonly #failures: string[] = [];
  readonly #running: Promise<void>[];
  #retried = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.lanes }, () => this.#lane());
  }

  get done(): number {
    return this.#acknowledged.size;
  }

  async stop(): Promise<Loaded> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return { acknowledged: this.#acknowledged, failures: this.#failures, retried: this.#retried };
  }

  async #lane(): Promise<void> {
    const { url, apiKey, mostBytes } = this.#options;
    const client = new RestClient(url, apiKey);
    while (!this.#stopped) {
      const bytes = randomBytes(1 + Math.floor(Math.random() * mostBytes));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const put = await this.#twice(
        'upload',
        () => client.call('PUT', '/files/load.bin', { body: bytes }),
        201,
      );
      if (put === undefined) continue;
      this.#acknowledged.set(put.json.uid, sha256);
      const got = await this.#twice('download', () => client.content(put.json.uid), 200);
      if (got !== undefined && createHash('sha256').update(got.bytes).digest('hex') !== sha256)
        this.#failures.push(`${put.json.uid} came back with other bytes`);
    }
    client.close();
  }

  async #twice<T extends { status: number; bytes: Buffer }>(
    what: string,
    call: () => Promise<T>,
    wanted: number,
  ): Promise<T | undefined> {
    const startedAt = Date.now();
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await call();
        if (answer.status === wanted) return answer;
        this.#failures.push(`${what}: ${answer.status} ${answer.bytes.toString().slice(0, 200)}`);
        return undefined;
      } catch (cause) {
        const error = cause as NodeJS.ErrnoException;
        const patient = Date.now() - startedAt < (this.#options.patienceMs ?? 0);
        if ((tries === 1 || patient) && this.#options.mayRetry(error)) {
          this.#retried += 1;
          await sleep(50);
          continue;
        }
        if (!this.#stopped) this.#failures.push(`${what}: ${error.code ?? ''} ${error.message}`);
        return undefined;
      }
    }
  }
}

/** Uids whose bytes are not what was acknowledged. */
export async function lostOf(
  { acknowledged }: Loaded,
  { url, apiKey }: { url: string; apiKey: string },
): Promise<string[]> {
  const client = new RestClient(url, apiKey);
  const lost: string[] = [];
  for (const [uid, sha256] of acknowledged) {
    const { status, bytes } = await client.content(uid);
    if (status !== 200 || createHash('sha256').update(bytes).digest('hex') !== sha256)
      lost.push(`${uid} (${status})`);
  }
  client.close();
  return lost;
}
