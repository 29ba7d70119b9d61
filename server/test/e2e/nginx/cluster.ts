import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningService, startService } from '../service.ts';

/** Nodes over one database file and one shared folder, as machines with a network file system are. */
export interface SmallCluster {
  readonly dataDir: string;
  readonly nodes: RunningService[];
  /** Starts the node again on its port, with its id. */
  restart(index: number): Promise<void>;
  close(): Promise<void>;
}

/** `workers` gives the number of processes of each node. */
export async function startCluster(
  workers: readonly number[],
  env: Record<string, string> = {},
): Promise<SmallCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-cluster-'));
  const stores = JSON.stringify([
    { name: 'local', type: 'local-disk', path: join(dataDir, 'files'), shared: true },
  ]);
  const start = (index: number, port: string) =>
    startService({
      dataDir,
      env: {
        OSPROXY_NODE_ID: `node-${index}`,
        OSPROXY_WORKERS: String(workers[index]),
        OSPROXY_DATABASE_URL: `sqlite:${join(dataDir, 'osproxy.db')}`,
        OSPROXY_STORES: stores,
        OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1',
        OSPROXY_PORT: port,
        ...env,
      },
    });
  const nodes = await Promise.all(workers.map((_, index) => start(index, '0')));
  return {
    dataDir,
    nodes,
    restart: async (index) => {
      const { port } = new URL(nodes[index]?.url ?? '');
      nodes[index] = await start(index, port);
    },
    close: async () => {
      for (const node of nodes) await node.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
