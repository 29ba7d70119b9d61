import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./task-node.fixture.ts', import.meta.url));

/** What a handler said. */
interface Said {
  readonly what: 'started' | 'begin' | 'effect' | 'end' | 'refused';
  readonly type: string;
  readonly id: string;
  readonly fence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface TaskNode {
  readonly process: ChildProcess;
  readonly said: readonly Said[];
  kill(): Promise<void>;
}

/** Starts a process that runs tasks, with leases of one second. */
export async function startTaskNode(
  url: string,
  name: string,
  worker: number,
  concurrency = 4,
): Promise<TaskNode> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    SCRIPT,
    url,
    name,
    String(worker),
    String(concurrency),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as Said));
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  try {
    await until('the node has started', () => {
      if (child.exitCode !== null) throw new Error(`The node ended with ${child.exitCode}.`);
      return said.some(({ what }) => what === 'started');
    });
  } catch (error) {
    await kill();
    throw error;
  }
  return { process: child, said, kill };
}

export async function until(
  what: string,
  look: () => Promise<boolean> | boolean,
  withinMs = 30_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`It took longer than ${withinMs} ms until ${what}.`);
    await sleep(20);
  }
}
