import { createClient, createCluster, type RedisClientOptions } from '@redis/client';
import type { RedisAddress } from './address.ts';

/** One set of connections, from when it is open until it is lost; it never connects anew by itself. */
export interface RedisSession {
  /** `key` tells a cluster where to send the command. */
  run(key: string, args: readonly string[]): Promise<unknown>;
  /** Resolves when every connection answers. */
  ping(): Promise<void>;
  /** At once; commands under way reject. */
  destroy(): void;
}

interface SessionOptions {
  readonly connectMs: number;
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  /** Called when a connection of the open session is gone; maybe several times. */
  readonly onLost: (cause: Error) => void;
  /** Given what must be destroyed when opening takes too long. */
  readonly onOpening: (destroy: () => void) => void;
}

type Client = ReturnType<typeof newClient>;
type Host = RedisAddress['endpoints'][number];

/** Connects and subscribes; rejects when that fails, and then may leave connections that `onOpening` was told of. */
export function openSession(address: RedisAddress, options: SessionOptions): Promise<RedisSession> {
  switch (address.kind) {
    case 'single':
      return openSingle(address, address.endpoints[0], options);
    case 'sentinel':
      return openMaster(address, options);
    case 'cluster':
      return openCluster(address, options);
  }
}

async function openSingle(
  address: RedisAddress,
  host: Host,
  options: SessionOptions,
  requireMaster = false,
): Promise<RedisSession> {
  const losses = new Losses(options.onLost);
  const client = newClient(address, host, options, losses);
  try {
    await client.connect();
    if (requireMaster) {
      const [role] = await client.sendCommand<[string]>(['ROLE']);
      if (role !== 'master') throw new Error(`The sentinels name a master that is a ${role}.`);
    }
    await client.subscribe(options.channel, options.onMessage);
  } catch (error) {
    destroy(client);
    throw error;
  }
  losses.count();
  return {
    run: (_key, args) => client.sendCommand([...args]),
    ping: async () => void (await client.sendCommand(['PING'])),
    destroy: () => destroy(client),
  };
}

/** Asks the sentinels in turn; the first that knows the master is believed. */
async function openMaster(
  address: RedisAddress & { readonly kind: 'sentinel' },
  options: SessionOptions,
): Promise<RedisSession> {
  let failure: unknown;
  for (const host of address.endpoints) {
    try {
      return await openSingle(address, await askSentinel(address, host, options), options, true);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function askSentinel(
  address: RedisAddress & { readonly kind: 'sentinel' },
  host: Host,
  options: SessionOptions,
): Promise<Host> {
  const unwatched = new Losses(() => {});
  const login = address.sentinelLogin;
  const sentinel = newClient({ ...address, login, database: 0 }, host, options, unwatched);
  try {
    await sentinel.connect();
    const found = await sentinel.sendCommand<[string, string] | null>([
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      address.masterName,
    ]);
    if (found === null) throw new Error(`The sentinels know no master "${address.masterName}".`);
    return { host: found[0], port: Number(found[1]) };
  } finally {
    destroy(sentinel);
  }
}

/** Commands go to the masters; messages come over one more connection, since every node of a cluster passes them on. */
async function openCluster(address: RedisAddress, options: SessionOptions): Promise<RedisSession> {
  const { connectMs } = options;
  const losses = new Losses(options.onLost);
  const cluster = createCluster({
    rootNodes: address.endpoints.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: clientOptions(address, connectMs),
    topologyRefreshOnReconnectionAttemptStrategy: false,
  });
  options.onOpening(() => cluster.destroy());
  for (const event of ['error', 'node-error', 'node-disconnect', 'disconnect'] as const) {
    cluster.on(event, (error: unknown) => losses.add(error));
  }
  await cluster.connect();
  const [master] = cluster.masters;
  if (master === undefined) throw new Error('The cluster has no master.');
  const subscriber = newClient(address, master, options, losses);
  await subscriber.connect();
  await subscriber.subscribe(options.channel, options.onMessage);
  losses.count();
  return {
    run: (key, args) => cluster.sendCommand(key, false, [...args]),
    ping: async () => {
      const nodes = await Promise.all(cluster.masters.map((node) => cluster.nodeClient(node)));
      await Promise.all([...nodes, subscriber].map((client) => client.sendCommand(['PING'])));
    },
    destroy: () => {
      destroy(subscriber);
      destroy(cluster);
    },
  };
}

function newClient(address: RedisAddress, { host, port }: Host, options: SessionOptions, losses: Losses) {
  const base = clientOptions(address, options.connectMs);
  const client = createClient({ ...base, socket: { ...base.socket, host, port } });
  client.on('error', (error: unknown) => losses.add(error));
  client.on('end', () => losses.add(undefined));
  options.onOpening(() => destroy(client));
  return client;
}

/** Passes on that a connection is gone once the session is open: before, another host may still be the one that answers. */
class Losses {
  readonly #onLost: (cause: Error) => void;
  #counting = false;

  constructor(onLost: (cause: Error) => void) {
    this.#onLost = onLost;
  }

  add(error: unknown): void {
    if (this.#counting) this.#onLost(error instanceof Error ? error : new Error('the connection was closed'));
  }

  count(): void {
    this.#counting = true;
  }
}

function clientOptions({ login, tls, database }: RedisAddress, connectMs: number) {
  const socket = { connectTimeout: connectMs, reconnectStrategy: false as const, keepAlive: true };
  return {
    ...login,
    socket: tls ? { ...socket, tls: true as const } : socket,
    ...(database === 0 ? {} : { database }),
    disableOfflineQueue: true,
    name: 'osproxy',
  } satisfies RedisClientOptions;
}

function destroy(client: Pick<Client, 'destroy'>): void {
  try {
    client.destroy();
  } catch {
    // It is closed already.
  }
}
