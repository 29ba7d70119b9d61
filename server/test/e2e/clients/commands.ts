import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const END_WITHIN_MS = 60_000;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  /** Sent to its standard input. */
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the running process, as for stopping it half-way. */
  readonly whileRunning?: (child: ChildProcess) => Promise<unknown>;
}

/** Runs a program to its end and resolves with what it said; it is stopped after a minute. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { PATH, HOME } = process.env;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH, HOME, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  try {
    const closed = once(child, 'close');
    await Promise.all([closed, options.whileRunning?.(child)]);
    return { code: child.exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** Ends the program as soon as the file it writes has so many bytes. */
export function killAt(path: string, bytes: number): (child: ChildProcess) => Promise<void> {
  return async (child) => {
    while (child.exitCode === null && child.signalCode === null) {
      const size = await stat(path).then(
        (found) => found.size,
        () => 0,
      );
      if (size >= bytes) child.kill('SIGKILL');
      await sleep(5);
    }
  };
}

export interface Folder {
  readonly path: string;
  /** The path of something in it. */
  in(name: string): string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'osproxy-clients-'));
  return {
    path,
    in: (name) => join(path, name),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
