import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { databaseUrlOf, environmentOf, placeOf } from '#test/profiles/place.ts';
import type { Place } from '#test/profiles/profile.ts';
import { COMPILE_CACHE } from './compile-cache.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Generous: on a machine under load a start takes its time. */
const READY_WITHIN_MS = 45_000;

export const API_KEY = 'test-key-0123456789';

export interface RunningService {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  /** The variables that lead a command to the same database and stores. */
  readonly place: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  readonly process: ChildProcess;
  /** Log lines so far. */
  readonly lines: readonly string[];
  /** SIGKILL, and waits until it is gone; the data folder stays. */
  kill(): Promise<void>;
  /** SIGTERM, and waits; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Stops, and removes the data folder and what it has left in the store and the database of the profile. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly env?: Record<string, string>;
  /** An existing data folder; a new one in the temp folder otherwise. */
  readonly dataDir?: string;
  /** A place that it shares with others, which whoever asked for it removes; one of its own otherwise. */
  readonly sharedPlace?: Place;
  /** Called with the process before it listens. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** Starts a real osproxy process on a free port, on the store and the database of the profile that the test runs in, and waits until it listens. */
export async function startService(options: ServiceOptions = {}): Promise<RunningService> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'osproxy-e2e-')));
  const place = options.sharedPlace ?? (await placeOf(dataDir));
  const placed = environmentOf(dataDir, place);
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      ...COMPILE_CACHE,
      UV_THREADPOOL_SIZE: '16',
      OSPROXY_PORT: '0',
      ...placed,
      OSPROXY_API_KEY: API_KEY,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  options.onSpawn?.(child);
  const lines: string[] = [];
  const ended = once(child, 'exit');
  const url = await firstUrl(child, lines, ended).catch(async (error: unknown) => {
    await ended;
    if (options.dataDir === undefined) {
      if (options.sharedPlace === undefined) await place.remove();
      await rm(dataDir, { recursive: true, force: true });
    }
    throw error;
  });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    url,
    apiKey: options.env?.OSPROXY_API_KEY ?? API_KEY,
    dataDir,
    place: placed,
    databaseUrl: databaseUrlOf(dataDir, place),
    process: child,
    lines,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    close: async () => {
      await end('SIGTERM');
      if (options.sharedPlace === undefined) await place.remove();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function firstUrl(child: ChildProcess, lines: string[], ended: Promise<unknown>): Promise<string> {
  const found = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      const url = /"url":"(http:[^"]+)"[^}]*"msg":"listening"/.exec(line)?.[1];
      if (url !== undefined) found.resolve(url);
    });
  }
  ended.then(() => found.reject(new Error(`osproxy ended before it listened:\n${lines.join('\n')}`)));
  const timer = setTimeout(
    () =>
      found.reject(new Error(`osproxy did not listen within ${READY_WITHIN_MS} ms:\n${lines.join('\n')}`)),
    READY_WITHIN_MS,
  );
  try {
    return await found.promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
