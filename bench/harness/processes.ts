import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const STOP_WITHIN_MS = 20_000;

const running = new Set<ChildProcess>();
const atTheEnd: (() => Promise<void>)[] = [];

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A process that is ended with the benchmark at the latest. */
export function startProcess(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, [...args], options);
  running.add(child);
  const forget = () => void running.delete(child);
  child.once('exit', forget).once('error', forget);
  return child;
}

/** SIGTERM, SIGKILL after a while; resolves when the process is gone. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

/** Something that is more than one process, stopped after all processes; must not reject. */
export function stopLater(stop: () => Promise<void>): void {
  atTheEnd.push(stop);
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stopProcess));
  for (const stop of atTheEnd.splice(0)) await stop();
}

export interface RunResult {
  /** From the start of the process to its end. */
  readonly seconds: number;
  readonly stdout: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What the command reads from its standard input. */
  readonly input?: string;
}

/** Runs a command to its end; rejects with what it said where the exit code is not 0. */
export async function run(
  command: string,
  args: readonly string[],
  { input = '', ...options }: RunOptions = {},
): Promise<RunResult> {
  const start = performance.now();
  const child = startProcess(command, args, { ...options, stdio: 'pipe' });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error(`${command} has no pipes`);
  // A command that ends without reading its input says itself whether that is a failure.
  stdin.on('error', () => {}).end(input);
  const ended = once(child, 'exit').then(([code]) => ({ code, seconds: (performance.now() - start) / 1000 }));
  const [out, complaint, { code, seconds }] = await Promise.all([text(stdout), text(stderr), ended]);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${complaint || out}`);
  return { seconds, stdout: out };
}
