import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterBody } from '#frontends/rest/cluster-schemas.ts';
import { placeOf } from '#test/profiles/place.ts';
import type { Place } from '#test/profiles/profile.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';

export const SECRET = 'a cluster secret of the tests, long enough';
const AUTHORIZATION = `Bearer ${API_KEY}`;

export interface TestNode {
  readonly id: string;
  readonly dataDir: string;
  /** The process that runs now. */
  readonly service: RunningService;
  readonly url: string;
  /** Stops in order, or with SIGKILL. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Starts again on the same data folder, perhaps on another port. */
  start(env?: Record<string, string>): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface TestCluster {
  readonly nodes: readonly TestNode[];
  readonly folder: string;
  close(): Promise<void>;
}

/** What a node is given, where that is not the same for all. */
type EnvOf = (number: number, folder: string) => Record<string, string>;

/** Nodes n1, n2 … with their own data folders and one database. */
export async function startCluster(
  count: number,
  env: Record<string, string> | EnvOf = {},
): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-cluster-'));
  const place = await placeOf(folder);
  const sharedPlace = { ...place, databaseUrl: place.databaseUrl ?? `sqlite:${join(folder, 'shared.db')}` };
  const nodes: TestNode[] = [];
  const close = async () => {
    for (const node of nodes) {
      node.resume();
      await node.stop();
    }
    await place.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let number = 1; number <= count; number += 1) {
      const own = typeof env === 'function' ? env(number, folder) : env;
      nodes.push(await startNode(folder, `n${number}`, sharedPlace, own));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { nodes, folder, close };
}

async function startNode(
  folder: string,
  id: string,
  sharedPlace: Place,
  env: Record<string, string>,
): Promise<TestNode> {
  const dataDir = join(folder, id);
  await mkdir(dataDir);
  const begin = (more: Record<string, string> = {}) =>
    startService({
      dataDir,
      sharedPlace,
      env: {
        OSPROXY_NODE_ID: id,
        OSPROXY_CLUSTER_SECRET: SECRET,
        OSPROXY_HASHING_THREADS: '1',
        ...env,
        ...more,
      },
    });
  let service = await begin();
  const signal = (name: NodeJS.Signals) => {
    if (service.process.exitCode === null && service.process.signalCode === null) service.process.kill(name);
  };
  return {
    id,
    dataDir,
    get service() {
      return service;
    },
    get url() {
      return service.url;
    },
    stop: async () => void (await service.stop()),
    kill: () => service.kill(),
    start: async (more) => {
      service = await begin(more);
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly json: any;
}

export async function call(
  node: Pick<TestNode, 'url'>,
  method: string,
  path: string,
  options: { body?: Uint8Array | string; json?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const response = await fetch(`${node.url}${path}`, {
    method,
    headers: {
      authorization: AUTHORIZATION,
      ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    signal: AbortSignal.timeout(60_000),
    ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.includes('json') === true && bytes.length > 0;
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json: isJson ? JSON.parse(bytes.toString('utf8')) : undefined,
  };
}

/** As call, for what must work. */
export async function ask(...args: Parameters<typeof call>): Promise<Answer> {
  const answer = await call(...args);
  if (answer.status < 300) return answer;
  throw new Error(
    `${args[1]} ${args[2]} at ${args[0].url}: ${answer.status} ${answer.bytes.toString('utf8')}`,
  );
}

export async function putFile(node: TestNode, bytes: Uint8Array, name = 'file.bin'): Promise<string> {
  return (await ask(node, 'PUT', `/api/v1/files/${name}`, { body: bytes })).json.uid;
}

/** Sends one part to each node in turn and completes at the last of them, with the SHA-256 of the whole. */
export async function putParts(
  nodes: readonly TestNode[],
  parts: readonly Uint8Array[],
  beforeComplete: () => void = () => {},
): Promise<string> {
  const [first] = nodes;
  const completeAt = nodes[nodes.length - 1];
  if (first === undefined || completeAt === undefined) throw new Error('there are no nodes');
  const { uid } = (await ask(first, 'POST', '/api/v1/uploads', { json: { name: 'parts.bin' } })).json;
  for (const [index, part] of parts.entries()) {
    const node = nodes[index % nodes.length] ?? first;
    await ask(node, 'PUT', `/api/v1/uploads/${uid}/parts/${index + 1}`, { body: part });
  }
  const sha256 = createHash('sha256');
  for (const part of parts) sha256.update(part);
  beforeComplete();
  await ask(completeAt, 'POST', `/api/v1/uploads/${uid}/complete`, {
    json: { sha256: sha256.digest('hex') },
  });
  return uid;
}

export const read = (node: TestNode, uid: string, headers: Record<string, string> = {}) =>
  call(node, 'GET', `/api/v1/files/${uid}/content`, { headers });

export async function clusterOf(node: TestNode): Promise<ClusterBody> {
  return (await ask(node, 'GET', '/api/v1/cluster')).json;
}

/** Waits until the look is true; says what it waited for when it never is. */
export async function until(
  what: string,
  look: () => Promise<boolean> | boolean,
  withinMs = 30_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await look()) return;
    if (performance.now() > end) throw new Error(`It took longer than ${withinMs} ms until ${what}.`);
    await sleep(100);
  }
}

/** Keys of contents in the node's own store. */
export async function keysOn(node: Pick<TestNode, 'dataDir'>, store = 'files'): Promise<string[]> {
  const folder = join(node.dataDir, store, 'objects');
  if (!existsSync(folder)) return [];
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && /^[0-9a-f]{32}$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

export const some = (size: number): Buffer => randomBytes(size);
