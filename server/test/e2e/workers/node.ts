import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '#test/faults/store-folder.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, type ServiceOptions, startService } from '../service.ts';

/** A service of several processes. */
export async function startNode(workers: number, options: ServiceOptions = {}): Promise<RunningService> {
  return startService({ ...options, env: { OSPROXY_WORKERS: String(workers), ...options.env } });
}

/** Process ids of the workers, oldest first. */
export async function workersOf({ process: { pid } }: RunningService): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

export function isAlive(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/status`, 'utf8').then(
    (text) => !/^State:\s+Z/m.test(text),
    () => false,
  );
}

/** Numbers of the processes that have answered requests, by request id. */
export function processesByRequest({ lines }: RunningService): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of lines) {
    if (!line.includes('"msg":"request"')) continue;
    const { requestId, process } = JSON.parse(line) as { requestId: string; process: number };
    found.set(requestId, process);
  }
  return found;
}

/** Clients with one connection each, one for every process of the node: used one request at a time they stay where they are. */
export async function clientsOfEach(service: RunningService, workers: number): Promise<RestClient[]> {
  const clients = new Map<number, RestClient>();
  for (let tries = 0; tries < 20 * workers && clients.size < workers; tries += 1) {
    const client = new RestClient(service.url, service.apiKey);
    const { headers } = await client.call('GET', '/files?limit=1');
    const process = await processOf(service, String(headers['x-request-id']));
    if (clients.has(process)) client.close();
    else clients.set(process, client);
  }
  if (clients.size < workers) throw new Error(`Only the processes ${[...clients.keys()]} answered.`);
  return [...clients.entries()].sort(([a], [b]) => a - b).map(([, client]) => client);
}

async function processOf(service: RunningService, requestId: string): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const process = processesByRequest(service).get(requestId);
    if (process !== undefined) return process;
    await sleep(25);
  }
  throw new Error(`No log line tells of request ${requestId}.`);
}

/** Ids of the nodes in the registry. */
export function registeredNodes(dataDir: string): string[] {
  return query(dataDir, 'select id from nodes').map((row) => String(row.id));
}
