import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../e2e/osproxy-v0/client.ts';
import { RestClient } from '../e2e/rest/client.ts';
import { type RunningService, startService } from '../e2e/service.ts';
import type { Clients } from './crash-load.ts';
import type { Model } from './crash-model.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import { rowsIn } from './rows.ts';
import { fsck, NAMED_KEYS, objectKeys, tempFiles } from './store-folder.ts';

const QUIET_WITHIN_MS = 60_000;

const ENV = {
  OSPROXY_PURGE_GRACE_SECONDS: '1',
  OSPROXY_PURGE_INTERVAL_SECONDS: '1',
  OSPROXY_TASKS_LEASE_SECONDS: '5',
  // Starts faster without.
  OSPROXY_HTTP_DOCS: 'false',
};

/** One data folder and one database, over which a service is started and killed again and again. */
export class CrashSite {
  readonly dataDir: string;
  /** Where every statement of the service passes; only a database server has one. */
  readonly proxy: CuttingProxy | undefined;
  readonly #databaseUrl: string;
  readonly #env: Readonly<Record<string, string>>;

  /** On an empty database of a server where `databaseUrl` names one, else on SQLite. */
  static async open(databaseUrl?: string, env: Readonly<Record<string, string>> = {}): Promise<CrashSite> {
    const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-crash-'));
    if (databaseUrl === undefined)
      return new CrashSite(dataDir, `sqlite:${join(dataDir, 'osproxy.db')}`, undefined, { ...ENV, ...env });
    const url = new URL(databaseUrl);
    const proxy = await CuttingProxy.start(Number(url.port));
    url.port = String(proxy.port);
    return new CrashSite(dataDir, databaseUrl, proxy, { ...ENV, ...env, OSPROXY_DATABASE_URL: url.href });
  }

  private constructor(
    dataDir: string,
    databaseUrl: string,
    proxy: CuttingProxy | undefined,
    env: Readonly<Record<string, string>>,
  ) {
    this.dataDir = dataDir;
    this.proxy = proxy;
    this.#databaseUrl = databaseUrl;
    this.#env = env;
  }

  start(): Promise<RunningService> {
    return startService({ dataDir: this.dataDir, env: { ...this.#env } });
  }

  /** Starts it and kills it `ms` later, whether it listens by then or not. */
  async killWhileStarting(ms: number): Promise<void> {
    const started = startService({
      dataDir: this.dataDir,
      env: { ...this.#env },
      onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), ms),
    });
    const service = await started.catch(() => undefined);
    await service?.kill();
  }

  /** Waits until everything is verified and purged: exactly the named bytes are left, and no file of an unfinished put. */
  async quiet({ rest }: Clients, model: Model): Promise<void> {
    const until = Date.now() + QUIET_WITHIN_MS;
    for (const { uid } of model.here()) {
      while (!(await rest.call('GET', `/files/${uid}`)).json.verified) {
        if (Date.now() > until) throw new Error(`File ${uid} was not verified: ${await this.#tasks()}`);
        await sleep(100);
      }
    }
    for (;;) {
      const [objects, temps] = [await objectKeys(this.dataDir), await tempFiles(this.dataDir)];
      const named = (await rowsIn(this.#databaseUrl, NAMED_KEYS)).map((row) => String(row.key)).sort();
      if (objects.join() === named.join() && temps.length === 0) return;
      if (Date.now() > until) {
        const besides = objects.filter((key) => !named.includes(key));
        const missing = named.filter((key) => !objects.includes(key));
        throw new Error(
          `The store holds ${besides.length} objects that nothing names [${besides}], lacks [${missing}], and has temporary files [${temps}]: ${await this.#tasks()}`,
        );
      }
      await sleep(250);
    }
  }

  async #tasks(): Promise<string> {
    const sql = `select type, state, attempts, last_error from tasks where state <> 'done'`;
    const rows = await rowsIn(this.#databaseUrl, sql);
    return rows.map((row) => Object.values(row).join(' ')).join('; ');
  }

  /** Rejects with what `fsck` found; `graceSeconds` is the age from which bytes without a name count. */
  async expectCleanFsck(graceSeconds: number, words: readonly string[] = []): Promise<void> {
    const { code, out, errors } = await fsck(this.dataDir, graceSeconds, words, this.#env);
    if (code !== 0) throw new Error(`fsck ended with ${code}:\n${out}\n${errors}`);
  }

  async close(): Promise<void> {
    await this.proxy?.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

export function clientsOf({ url, apiKey }: RunningService): Clients {
  return { rest: new RestClient(url, apiKey), v0: new Client(url, apiKey) };
}
