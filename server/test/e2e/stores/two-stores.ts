import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RestClient } from '#test/e2e/rest/client.ts';
import { API_KEY, type RunningService, startService } from '#test/e2e/service.ts';
import { changeIn, type Row, rowsIn } from '#test/faults/rows.ts';
import { type Finished, osproxy } from '#test/faults/store-folder.ts';

/** A data folder with a configuration file, started and stopped as a test likes. */
export interface Place {
  readonly dataDir: string;
  readonly service: RunningService;
  readonly client: RestClient;
  /** Starts it again after a stop or a kill. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
  /** `osproxy <words>` with the same configuration. */
  command(...words: readonly string[]): Promise<Finished>;
  query(sql: string): Promise<readonly Row[]>;
  execute(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** `yaml` is the configuration; paths in it are relative to the data folder. */
export async function openPlace(yaml: string, env: Readonly<Record<string, string>> = {}): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-stores-'));
  await writeFile(join(dataDir, 'osproxy.yaml'), yaml);
  let given = env;
  let service = await startService({ dataDir, env: { ...given } });
  let client = new RestClient(service.url, service.apiKey);
  return {
    dataDir,
    get service() {
      return service;
    },
    get client() {
      return client;
    },
    async restart(more = {}) {
      client.close();
      await service.stop();
      given = { ...given, ...more };
      service = await startService({ dataDir, env: { ...given } });
      client = new RestClient(service.url, service.apiKey);
    },
    command: (...words) => osproxy(words, { ...service.place, OSPROXY_API_KEY: API_KEY, ...given }, dataDir),
    query: (sql) => rowsIn(service.databaseUrl, sql),
    execute: (sql) => changeIn(service.databaseUrl, sql),
    async close() {
      client.close();
      await service.kill();
      await service.close();
    },
  };
}

export async function until(what: string, holds: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const some = (size: number): Buffer => randomBytes(size);
