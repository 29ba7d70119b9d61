import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../compile-cache.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface TaskWorkerProcess {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Where it says how it is. */
  readonly url: string | undefined;
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** A real process of `osproxy worker`, with nothing in its environment but this; resolves when a line of its log fits, and rejects when it ends before. */
export async function startTaskWorker(
  env: Readonly<Record<string, string>>,
  begun = /"msg":"working on tasks"/,
): Promise<TaskWorkerProcess> {
  const child = spawn(process.execPath, [MAIN, 'worker'], {
    cwd: env.OSPROXY_DATA_DIR,
    env: { PATH: process.env.PATH, ...COMPILE_CACHE, OSPROXY_TASKS_WORKER_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const found = Promise.withResolvers<void>();
  const ended = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (begun.test(line)) found.resolve();
    });
  }
  void ended.then(() => found.reject(new Error(`the worker ended:\n${lines.join('\n')}`)));
  const timer = setTimeout(() => found.reject(new Error(`not begun:\n${lines.join('\n')}`)), 45_000);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
    return child.exitCode;
  };
  try {
    await found.promise;
  } catch (error) {
    await end('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    process: child,
    lines,
    url: /"url":"(http:[^"]+)"[^}]*"msg":"listening"/.exec(lines.join('\n'))?.[1],
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}
