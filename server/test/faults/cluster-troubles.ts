import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterPlace, LEASE_SECONDS, type PlacedNode } from './cluster-place.ts';
import { networkTroubles } from './network-troubles.ts';
import { Random } from './random.ts';
import type { Trouble } from './store-storm.ts';

/** What a client of nginx would wait for without end. */
const ENDLESS = /silence|deaf/;

/** Everything that can happen to a cluster, by kind; a kind that does not apply is absent. */
export function clusterTroubles(place: ClusterPlace): Readonly<Record<string, readonly Trouble[]>> {
  const { nodes, database, redis, ways } = place;
  const each = (what: (node: PlacedNode) => Trouble) => nodes.map(what);
  const network = (name: string, way: Parameters<typeof networkTroubles>[0]) =>
    networkTroubles(way).map((trouble) => ({ ...trouble, name: `${name}: ${trouble.name}` }));
  const paused = (node: PlacedNode, name: string, ms: readonly [number, number]): Trouble => ({
    name: `SIGSTOP of ${node.id} for ${name}`,
    begin: async (random) => {
      node.pause();
      await sleep(random.between(...ms));
      node.resume();
    },
    end: async () => node.resume(),
  });
  const lease = LEASE_SECONDS * 1000;
  return {
    killed: [
      ...each((node) => ({
        name: `SIGKILL of ${node.id}`,
        begin: () => node.kill(),
        end: () => node.restart(),
      })),
      {
        name: 'SIGKILL of all nodes',
        begin: async () => void (await Promise.all(nodes.map((node) => node.kill()))),
        end: async () => void (await Promise.all(nodes.map((node) => node.restart()))),
      },
    ],
    paused: each((node) => paused(node, 'longer than its leases', [1.3 * lease, 1.8 * lease])),
    held: each((node) => paused(node, 'a moment', [500, 2000])),
    stopped: each((node) => ({
      name: `SIGTERM of ${node.id}`,
      begin: () => node.stop(),
      end: () => node.restart(),
    })),
    databaseKilled: [
      {
        name: 'SIGKILL of the database',
        begin: async (random) => {
          await database.kill();
          await sleep(random.between(0, 2000));
          await database.start();
        },
        end: async () => {},
      },
    ],
    database: network('database', ways.database),
    ...(redis === undefined || ways.redis === undefined
      ? {}
      : {
          redisKilled: [{ name: 'SIGKILL of Redis', begin: () => redis.kill(), end: () => redis.start() }],
          redis: [
            {
              name: 'SIGSTOP of Redis',
              begin: async () => redis.freeze(),
              end: async () => redis.thaw(),
            },
            ...network('Redis', ways.redis),
          ],
        }),
    peers: nodes.flatMap(({ id, way }) => network(`way to ${id}`, way)),
    clients: network('clients', ways.front).filter(({ name }) => !ENDLESS.test(name)),
  };
}

/** Kinds in any order, each once before any comes again; about every other time, and where not all would come, two troubles at once. */
export function drawTroubles(
  kinds: Readonly<Record<string, readonly Trouble[]>>,
  rounds: number,
  random: Random,
): readonly Trouble[] {
  const waiting: (readonly Trouble[])[] = [];
  let missing = Object.keys(kinds).length;
  const draw = (): Trouble => {
    missing -= 1;
    if (waiting.length === 0) {
      const all = Object.values(kinds);
      while (all.length > 0) waiting.push(...all.splice(random.between(0, all.length - 1), 1));
    }
    return random.pick(waiting.shift() ?? []) as Trouble;
  };
  return Array.from({ length: rounds }, (_, round) =>
    random.chance(0.5) && missing <= rounds - round ? draw() : together(draw(), draw()),
  );
}

/** Both begin at once. A node finds its database again only when the ways are whole, so these are mended first. */
function together(one: Trouble, other: Trouble): Trouble {
  if (one.name === other.name) return one;
  const restarts = ({ name }: Trouble): boolean => /^SIG(KILL|TERM) of (n\d|all)/.test(name);
  const inOrder = [one, other].sort((a, b) => Number(restarts(a)) - Number(restarts(b)));
  return {
    name: `${one.name} and ${other.name}`,
    begin: async (random) => {
      const seeds = inOrder.map(() => random.between(0, 2 ** 31));
      await Promise.all(inOrder.map(({ begin }, index) => begin(new Random(seeds[index] ?? 0))));
    },
    end: async () => {
      for (const { end } of inOrder) await end();
    },
  };
}
