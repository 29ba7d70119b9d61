import { type Channel, Connection, type ConnectionOptions } from 'rabbitmq-client';
import { OsproxyError } from '#core/errors.ts';
import type { RabbitAddress, RabbitHost } from './address.ts';
import { explained } from './explained.ts';

/** A silent broker is given up after twice this time. */
const HEARTBEAT_SECONDS = 10;
const CLOSE_MS = 3_000;

/** Certificates and keys in PEM, beside those that Node.js trusts. */
export interface RabbitTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface RabbitOptions {
  readonly address: RabbitAddress;
  readonly tls: RabbitTls;
  /** What the broker shows of the connection. */
  readonly name: string;
  /** Longest time in milliseconds of a connection, and of an answer to a request. */
  readonly timeoutMs: number;
}

/** lost: connect anew. blocked: the broker takes nothing for now, and says when it does again. */
export interface Trouble {
  readonly kind: 'lost' | 'blocked';
  readonly reason: string;
}

/** One connection to a broker, from when it is made until it breaks; it never connects again by itself, so that whoever uses it knows why it broke. */
export class RabbitSession {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #listeners = new Set<(trouble: Trouble) => void>();
  readonly #channels = new Set<Channel>();
  #trouble: Trouble | undefined;

  private constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    connection.removeAllListeners('error');
    connection.on('error', (error: unknown) => this.#lose(explained(error)));
    connection.on('connection.blocked', (reason) =>
      this.#set({ kind: 'blocked', reason: `the broker takes no messages for now: ${reason}` }),
    );
    connection.on('connection.unblocked', () => {
      if (this.#trouble?.kind === 'blocked') this.#trouble = undefined;
    });
  }

  /** Tries each host once, in an order of chance. Rejects with Unavailable and why, of the last that was tried, and at once when the signal fires. */
  static async connect(options: RabbitOptions, signal: AbortSignal): Promise<RabbitSession> {
    const { hosts } = options.address;
    const first = Math.floor(Math.random() * hosts.length);
    let reason = '';
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[(first + i) % hosts.length];
      if (host === undefined) continue;
      try {
        return new RabbitSession(await connectTo(host, options, signal), options.timeoutMs);
      } catch (error) {
        reason = explained(error);
        if (signal.aborted) break;
      }
    }
    throw new OsproxyError('Unavailable', reason);
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Calls back when the connection is lost or blocked; returns the function that ends it. */
  onTrouble(listener: (trouble: Trouble) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A channel that `prepare` has set up. Rejects with Unavailable and why; what the channel is refused later goes to `onError`. */
  async openChannel(
    prepare: (channel: Channel) => Promise<void>,
    onError: (reason: string) => void,
  ): Promise<Channel> {
    const open = async () => {
      const channel = await this.#connection.acquire({ emitErrorsFromChannel: true });
      this.#channels.add(channel);
      channel.on('close', () => this.#channels.delete(channel));
      channel.on('error', (error: unknown) => onError(explained(error)));
      await prepare(channel);
      return channel;
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const sentence = `the broker did not answer within ${this.#timeoutMs / 1000} s`;
      timer = setTimeout(() => reject(new OsproxyError('Unavailable', sentence)), this.#timeoutMs);
    });
    try {
      return await Promise.race([open(), late]);
    } catch (cause) {
      throw new OsproxyError('Unavailable', this.#trouble?.reason ?? explained(cause), { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection at once; what was sent and is not confirmed may have arrived. */
  drop(reason: string): void {
    this.#lose(reason);
  }

  /** Ends in an orderly way, and within bounded time also when the broker says nothing. */
  async close(): Promise<void> {
    if (this.#trouble === undefined) {
      const orderly = async () => {
        await Promise.all([...this.#channels].map((channel) => channel.close()));
        await this.#connection.close();
      };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([orderly().catch(() => {}), late]);
      clearTimeout(timer);
    }
    this.#lose('the connection to the broker was closed');
  }

  #lose(reason: string): void {
    if (this.#trouble?.kind === 'lost') return;
    this.#connection.unsafeDestroy();
    this.#set({ kind: 'lost', reason });
  }

  #set(trouble: Trouble): void {
    this.#trouble = trouble;
    for (const listener of this.#listeners) listener(trouble);
  }
}

/** The client connects again and again by itself: its first failure ends it. */
async function connectTo(
  { hostname, port }: RabbitHost,
  options: RabbitOptions,
  signal: AbortSignal,
): Promise<Connection> {
  if (signal.aborted) throw stopping();
  const { address, name, timeoutMs } = options;
  const { username, password, vhost } = address;
  const settings: ConnectionOptions = {
    ...{ hostname, port, username, password, vhost },
    connectionName: name,
    connectionTimeout: timeoutMs,
    acquireTimeout: timeoutMs,
    heartbeat: HEARTBEAT_SECONDS,
    noDelay: true,
    ...(address.tls ? { tls: tlsOf(options.tls) } : {}),
  };
  const connection = new Connection(settings);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(stopping());
  connection.on('connection', resolve);
  connection.on('error', reject);
  signal.addEventListener('abort', stop);
  try {
    await promise;
    return connection;
  } catch (error) {
    connection.unsafeDestroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function stopping(): OsproxyError {
  return new OsproxyError('Cancelled', 'the service is stopping');
}

function tlsOf({ ca, cert, key }: RabbitTls) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
