import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const SETPRIV = '/usr/bin/setpriv';

interface StopOptions {
  readonly signal?: NodeJS.Signals;
  readonly graceMs?: number;
}

/** A server process of the tests, run in the foreground so that it can be watched; it dies with the process that started it. */
export class Daemon {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #running = true;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#running = false;
        resolve();
      });
    });
  }

  /** What the process prints goes to the file `log`. */
  static async start(command: string, args: readonly string[], log: string): Promise<Daemon> {
    const bound = existsSync(SETPRIV);
    const file = await open(log, 'a');
    try {
      const child = bound
        ? spawn(SETPRIV, ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', file.fd, file.fd] })
        : spawn(command, args, { stdio: ['ignore', file.fd, file.fd] });
      await new Promise((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      return new Daemon(command, child);
    } finally {
      await file.close();
    }
  }

  get running(): boolean {
    return this.#running;
  }

  /** Stops the process where it stands: its connections stay open and nothing is answered. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Asks the process to end, and ends it when it does not within the time. */
  async stop({ signal = 'SIGTERM', graceMs = 5000 }: StopOptions = {}): Promise<void> {
    if (!this.#running) return;
    this.#child.kill(signal);
    this.#child.kill('SIGCONT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Resolves when the probe succeeds; rejects when the process ends before, or after the time. */
  async ready(probe: () => Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!(await probe().catch(() => false))) {
      if (!this.#running) throw new Error(`${this.name} ended while it was started`);
      if (Date.now() > deadline) throw new Error(`${this.name} was not ready within ${withinMs} ms`);
      await sleep(50);
    }
  }
}
