import { openSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProcess, stopProcess } from './processes.ts';

const MAIN = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));
const READY_WITHIN_MS = 30_000;
const QUIET_WITHIN_MS = 120_000;

export interface Osproxy {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** What every call with a service key carries. */
  readonly authorization: string;
  /** Calls a JSON route; rejects unless the answer is a success. */
  json<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Resolves when no background task but the recurring ones waits or runs. */
  quiet(): Promise<void>;
  /**
   * Removes the bytes of everything stored, as the references remove theirs: a system that fills memory it never used before writes several
   * times slower, whoever writes. The files cannot be read any more.
   */
  dropBytes(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the service with its default settings on a free port, log into `<dataDir>/bench.log`. Set OSPROXY_BENCH_NODE_ARGS to give node
 * options such as `--cpu-prof --cpu-prof-dir=/tmp/profiles`.
 */
export async function startOsproxy(dataDir: string, env: Record<string, string> = {}): Promise<Osproxy> {
  const logPath = join(dataDir, 'bench.log');
  const log = openSync(logPath, 'w');
  const key = 'bench-key-0123456789abcdef';
  const nodeArgs = (process.env.OSPROXY_BENCH_NODE_ARGS ?? '').split(' ').filter(Boolean);
  const child = startProcess(process.execPath, [...nodeArgs, MAIN, 'serve'], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      UV_THREADPOOL_SIZE: '16',
      OSPROXY_PORT: '0',
      OSPROXY_DATA_DIR: dataDir,
      OSPROXY_API_KEY: key,
      // Benchmarks drop bytes behind the service's back, which scrubbing would take for damage.
      OSPROXY_SCRUB_PERIOD_DAYS: '0',
      ...env,
    },
    stdio: ['ignore', log, log],
  });
  const url = await listening(logPath, () => child.exitCode !== null);
  const authorization = `Bearer ${key}`;
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return text;
  };
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    dataDir,
    authorization,
    json: async <T>(method: string, path: string, body?: unknown) => {
      const text = await call(method, path, body);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    quiet: async () => {
      const deadline = performance.now() + QUIET_WITHIN_MS;
      while (composing(await call('GET', '/metrics')) && performance.now() < deadline) await sleep(50);
    },
    dropBytes: () => removeFiles(join(dataDir, 'files', 'objects')),
    stop: () => stopProcess(child),
  };
}

/** True while the metrics tell of a compose task that is not over. */
function composing(metrics: string): boolean {
  const line = /^osproxy_tasks\{(?<labels>[^}]*)\} (?<count>[0-9.e+]+)$/gm;
  return [...metrics.matchAll(line)].some(({ groups }) => {
    const labels = groups?.labels ?? '';
    return (
      /type="compose"/.test(labels) && /state="(pending|running)"/.test(labels) && Number(groups?.count) > 0
    );
  });
}

/** The folders stay: the service knows them. */
async function removeFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await rm(join(entry.parentPath, entry.name), { force: true });
  }
}

async function listening(logPath: string, ended: () => boolean): Promise<string> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const log = readFileSync(logPath, 'utf8');
    const url = /"url":"(http:[^"]+)"[^}]*"msg":"listening"/.exec(log)?.[1];
    if (url !== undefined) return url;
    if (ended() || performance.now() > deadline) throw new Error(`osproxy did not start:\n${log}`);
    await sleep(20);
  }
}
