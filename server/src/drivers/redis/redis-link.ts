import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply } from '@redis/client';
import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { RedisAddress } from './address.ts';
import { explained } from './explained.ts';
import { openSession, type RedisSession } from './session.ts';

/** Connecting may take longer than a command: a name is looked up, keys are exchanged. */
const LEAST_CONNECT_MS = 1000;
const PING_EVERY_MS = 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** A link that held this long starts with short pauses again. */
const HELD_MS = 5000;
/** Replies that say that this server is not the one to ask now. */
const NOT_NOW = /^(READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOAUTH|WRONGPASS|NOREPLICAS|MISCONF)\b/;

/** A script as Redis knows it; `text` uses one key. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

export function redisScript(text: string): RedisScript {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

export interface RedisLinkOptions {
  readonly address: RedisAddress;
  /** In front of every key and channel. */
  readonly prefix: string;
  /** Milliseconds after which a command counts as failed. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

interface Counts {
  readonly up: boolean;
  /** Commands that failed or were not answered in time. */
  readonly failures: number;
  /** Times that the link was lost. */
  readonly losses: number;
}

/**
 * The way to Redis, which may vanish at any time: a call takes no longer than its timeout, the first that is not answered closes the link, and while it is
 * closed every call fails at once. The link comes back by itself, with new connections.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #messageListeners = new Set<(message: string) => void>();
  readonly #changeListeners = new Set<(up: boolean) => void>();
  readonly #stopping = new AbortController();
  #session: RedisSession | undefined;
  #loop: Promise<void> | undefined;
  #lost: ((cause: Error) => void) | undefined;
  /** Why there is no session. */
  #reason: string | undefined;
  #failures = 0;
  #losses = 0;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#session !== undefined;
  }

  get counts(): Counts {
    return { up: this.up, failures: this.#failures, losses: this.#losses };
  }

  /** Resolves after the first attempt, whether it succeeded or not; the log says which. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#loop = this.#keepUp(resolve);
    await promise;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#lost?.(new Error('The link is closed.'));
    await this.#loop;
    this.#messageListeners.clear();
    this.#changeListeners.clear();
  }

  /** Name of a key as Redis gets it. */
  key(name: string): string {
    return this.#options.prefix + name;
  }

  /** Rejects with Unavailable, at once while Redis is away. `key` is as key() gives it. */
  async run(key: string, args: readonly string[]): Promise<unknown> {
    const session = this.#session;
    const lost = this.#lost;
    if (session === undefined || lost === undefined) {
      throw away(this.#reason === undefined ? undefined : new Error(this.#reason));
    }
    try {
      return await this.#inTime(session.run(key, args));
    } catch (error) {
      this.#failures += 1;
      const cause = error instanceof Error ? error : new Error(String(error));
      if (cause instanceof ErrorReply && !NOT_NOW.test(cause.message)) throw refused(cause);
      if (session === this.#session) lost(cause);
      throw away(cause);
    }
  }

  /** Runs a script over one key; rejects as run(). */
  async script({ sha1, text }: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.run(key, ['EVALSHA', sha1, '1', key, ...args]);
    } catch (error) {
      const unknown = error instanceof OsproxyError && error.cause instanceof Error;
      if (!unknown || !(error.cause as Error).message.startsWith('NOSCRIPT')) throw error;
      return this.run(key, ['EVAL', text, '1', key, ...args]);
    }
  }

  /** To every process that has a link with this prefix, this one included. */
  async publish(message: string): Promise<void> {
    await this.run(this.#channel, ['PUBLISH', this.#channel, message]);
  }

  /** Returns the function that ends it. What is published while the link is down is not heard. */
  onMessage(listener: (message: string) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Calls back each time the link has gone down or come up. */
  onChange(listener: (up: boolean) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** Rejects with Unavailable when Redis does not answer. */
  async ping(): Promise<void> {
    await this.run(this.key('ping'), ['EXISTS', this.key('ping')]);
  }

  /** Tries it for a person who asks: resolves with a few words, rejects with Unavailable and the reason as its cause. */
  async examine(): Promise<string> {
    await this.start();
    const startedAt = performance.now();
    await this.ping();
    return `${this.#options.address.kind}, answers in ${Math.round(performance.now() - startedAt)} ms`;
  }

  get #channel(): string {
    return this.key('messages');
  }

  /** Holds a session as long as it lasts, then opens the next; ends with close(). */
  async #keepUp(tried: () => void): Promise<void> {
    const { logger, address } = this.#options;
    const { signal } = this.#stopping;
    let pauseMs = FIRST_PAUSE_MS;
    let complaint: string | undefined;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const cause = await this.#hold(() => {
          if (complaint !== undefined) logger.info({ redis: address.shown }, 'Redis answers again.');
          complaint = undefined;
          tried();
        });
        if (performance.now() - startedAt > HELD_MS) pauseMs = FIRST_PAUSE_MS;
        if (signal.aborted) return;
        this.#reason = explained(cause);
        complaint = `Redis was lost (${this.#reason}). The service goes on from the database and comes back to Redis by itself.`;
        logger.warn({ redis: address.shown }, complaint);
      } catch (error) {
        if (signal.aborted) break;
        this.#reason = explained(error);
        const sentence = `Redis cannot be used: ${this.#reason}. The service goes on from the database and keeps trying.`;
        if (complaint !== sentence) logger.warn({ redis: address.shown }, sentence);
        complaint = sentence;
        tried();
      }
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    tried();
  }

  /** Resolves with the reason when a session that was open is lost; rejects when none can be opened. */
  async #hold(opened: () => void): Promise<Error> {
    const lost = Promise.withResolvers<Error>();
    const session = await this.#open(lost.resolve);
    this.#session = session;
    this.#lost = lost.resolve;
    const stopPinging = this.#watch(session, lost.resolve);
    try {
      this.#tell(true);
      opened();
      return await lost.promise;
    } finally {
      this.#session = undefined;
      this.#lost = undefined;
      this.#losses += 1;
      stopPinging();
      session.destroy();
      this.#tell(false);
    }
  }

  async #open(onLost: (cause: Error) => void): Promise<RedisSession> {
    const { address, timeoutMs } = this.#options;
    const opening: (() => void)[] = [];
    const connectMs = Math.max(LEAST_CONNECT_MS, timeoutMs);
    const session = openSession(address, {
      connectMs,
      channel: this.#channel,
      onMessage: (message) => {
        for (const listener of [...this.#messageListeners]) listener(message);
      },
      onLost,
      onOpening: (destroy) => opening.push(destroy),
    });
    try {
      return await this.#inTime(session, connectMs);
    } catch (error) {
      for (const destroy of opening) destroy();
      session.catch(() => {});
      throw error;
    }
  }

  #watch(session: RedisSession, lost: (cause: Error) => void): () => void {
    let waiting = false;
    const timer = setInterval(() => {
      if (waiting) return;
      waiting = true;
      this.#inTime(session.ping()).then(
        () => {
          waiting = false;
        },
        (error: unknown) => lost(error instanceof Error ? error : new Error(String(error))),
      );
    }, PING_EVERY_MS).unref();
    return () => clearInterval(timer);
  }

  /** A reply that waits in the socket while this process was busy counts as in time. */
  async #inTime<T>(work: Promise<T>, ms = this.#options.timeoutMs): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => setImmediate(() => setImmediate(() => late.reject(new Error(`no answer within ${ms} ms`)))),
      ms,
    );
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
      work.catch(() => {});
      late.promise.catch(() => {});
    }
  }

  #tell(up: boolean): void {
    for (const listener of [...this.#changeListeners]) listener(up);
  }
}

function away(cause?: Error): OsproxyError {
  return new OsproxyError('Unavailable', 'Redis does not answer.', { cause });
}

function refused(cause: Error): OsproxyError {
  return new OsproxyError('Unavailable', 'Redis refuses the command.', { cause });
}
