import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensurePackages, type Requirement } from './packages.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const SCRIPT = fileURLToPath(new URL('kafka-mock.py', import.meta.url));
const SETPRIV = '/usr/bin/setpriv';
const NEEDS: readonly Requirement[] = [
  { command: 'python3', packages: ['python3'] },
  { command: libraryPath(), packages: ['librdkafka1'] },
];

/** Numbers that the Kafka protocol gives to the errors that tests ask for. */
export const KAFKA_ERRORS = {
  unknownTopic: 3,
  notLeader: 6,
  messageTooLarge: 10,
  topicAuthorization: 29,
  storage: 56,
} as const;
const PRODUCE = 0;

function libraryPath(): string {
  const folder = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return `/usr/lib/${folder}/librdkafka.so.1`;
}

/** The commands and the library are here; every test file starts a cluster of its own, which takes half a second. */
export async function requireKafka(): Promise<{ readonly access: null; stop(): Promise<void> }> {
  const absent = await ensurePackages(NEEDS);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  return { access: null, stop: async () => {} };
}

/**
 * The mock cluster of librdkafka in a process of its own, on ports that the system chooses. It keeps records in memory: they outlive an outage made
 * with `down`, and not the process.
 */
export class KafkaMock {
  readonly brokers: readonly string[];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    reader: Interface,
    lines: AsyncIterator<string>,
    brokers: readonly string[],
  ) {
    this.#child = child;
    this.#reader = reader;
    this.#lines = lines;
    this.brokers = brokers;
  }

  static async start(brokers = 1): Promise<KafkaMock> {
    await requireKafka();
    const command = ['python3', SCRIPT, String(brokers)] as const;
    const [file, ...args] = existsSync(SETPRIV)
      ? ([SETPRIV, '--pdeathsig', 'KILL', ...command] as const)
      : command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => {});
    const reader = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw new Error('the Kafka mock ended while it was started');
    return new KafkaMock(child, reader, lines, first.value.split(','));
  }

  /** Makes a topic with the first broker as the first partition's leader. */
  topic(name: string, partitions: number): Promise<void> {
    return this.#command('topic', name, partitions, 1);
  }

  /** Moves a partition, as a cluster does whose broker went away. */
  leader(topic: string, partition: number, broker: number): Promise<void> {
    return this.#command('leader', topic, partition, broker);
  }

  /** The broker ends its connections and takes no new ones; it keeps its records. */
  down(broker: number): Promise<void> {
    return this.#command('down', broker);
  }

  up(broker: number): Promise<void> {
    return this.#command('up', broker);
  }

  /** The next requests to write are answered so. */
  refuse(error: keyof typeof KAFKA_ERRORS, times: number): Promise<void> {
    return this.#command('err', PRODUCE, KAFKA_ERRORS[error], times);
  }

  /** Takes back what `refuse` asked for and did not come yet. */
  accept(): Promise<void> {
    return this.#command('clear', PRODUCE);
  }

  /** Connections stay open and nothing is answered. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP');
    while (!/\) T /.test(await readFile(`/proc/${this.#child.pid}/stat`, 'utf8'))) await sleep(5);
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL; its records are gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    this.#reader.close();
  }

  #command(...words: readonly (string | number)[]): Promise<void> {
    const asked = this.#turn.then(async () => {
      this.#child.stdin.write(`${words.join(' ')}\n`);
      const { value } = await this.#lines.next();
      if (value !== 'ok') throw new Error(`the Kafka mock answered ${String(value)} to ${words.join(' ')}`);
    });
    this.#turn = asked.catch(() => {});
    return asked;
  }
}
