import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from 'rabbitmq-client';
import { Daemon } from './daemon.ts';
import { ensurePackages } from './packages.ts';
import { freePort } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const run = promisify(execFile);
const URL_VARIABLE = 'OSPROXY_TEST_RABBITMQ_URL';
const READY_MS = 60_000;
const COMMAND_MS = 60_000;
/** The command of the same name on PATH changes the user first. */
const PROGRAMS = '/usr/lib/rabbitmq/bin';

/** How to reach the broker that all test files share; each test takes names of its own. */
export interface RabbitmqAccess {
  readonly url: string;
}

/** The broker that the environment names, which runs elsewhere and goes on, or one of our own. */
export async function sharedRabbitmq(): Promise<{ readonly access: RabbitmqAccess; stop(): Promise<void> }> {
  const url = process.env[URL_VARIABLE];
  if (url) return { access: { url }, stop: async () => {} };
  const server = await startRabbitmq().catch((error: unknown): never => {
    if (!(error instanceof ServiceUnavailable)) throw error;
    throw new ServiceUnavailable(`${error.message}; or set ${URL_VARIABLE}`);
  });
  return { access: { url: server.url }, stop: () => server.stop() };
}

/** For tests that start their own. */
export async function requireRabbitmq(): Promise<{ readonly access: null; stop(): Promise<void> }> {
  const absent = await ensurePackages([
    { command: `${PROGRAMS}/rabbitmq-server`, packages: ['rabbitmq-server'] },
  ]);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  return { access: null, stop: async () => {} };
}

export interface RabbitmqOptions {
  /** Lines of its configuration file beside those that it has here. */
  readonly settings?: readonly string[];
}

/** A broker of its own on loopback, which keeps what is durable when it is killed. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  await requireRabbitmq();
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-rabbitmq-'));
  const server = new RabbitmqServer(folder, {
    amqp: await freePort(),
    distribution: await freePort(),
    names: await freePort(),
  });
  try {
    await server.prepare(options.settings ?? []);
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

interface Ports {
  readonly amqp: number;
  readonly distribution: number;
  /** Of epmd, which tells the broker's command where the broker is. */
  readonly names: number;
}

export class RabbitmqServer {
  readonly #folder: string;
  readonly #ports: Ports;
  #names: Daemon | undefined;
  #daemon: Daemon | undefined;

  constructor(folder: string, ports: Ports) {
    this.#folder = folder;
    this.#ports = ports;
  }

  get port(): number {
    return this.#ports.amqp;
  }

  get url(): string {
    return this.urlOf('guest', 'guest');
  }

  urlOf(user: string, password: string, port = this.port): string {
    return `amqp://${user}:${password}@127.0.0.1:${port}`;
  }

  async prepare(settings: readonly string[]): Promise<void> {
    const { amqp, names } = this.#ports;
    for (const name of ['home', 'mnesia', 'log']) await mkdir(join(this.#folder, name));
    const cookie = join(this.#folder, 'home', '.erlang.cookie');
    await writeFile(cookie, `COOKIE${amqp}`);
    await chmod(cookie, 0o400);
    await writeFile(join(this.#folder, 'enabled_plugins'), '[].');
    const lines = [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      'loopback_users = none',
      'default_user = guest',
      'default_pass = guest',
      'disk_free_limit.absolute = 50MB',
      'vm_memory_high_watermark.absolute = 1GB',
      'log.console = false',
    ];
    await writeFile(join(this.#folder, 'rabbitmq.conf'), `${[...lines, ...settings].join('\n')}\n`);
    const log = join(this.#folder, 'log', 'names.log');
    this.#names = await Daemon.start('epmd', ['-port', String(names), '-address', '127.0.0.1'], log);
  }

  /** Starts it on the port and with the data that it had before. */
  async start(): Promise<void> {
    if (this.#daemon?.running) throw new Error('This RabbitMQ is running already.');
    const log = join(this.#folder, 'log', 'out.log');
    // It replaces the shell then, so that what is killed is the broker.
    const variables = [...this.#variables(), 'RUNNING_UNDER_SYSTEMD=true'];
    this.#daemon = await Daemon.start('env', [...variables, `${PROGRAMS}/rabbitmq-server`], log);
    await this.#daemon.ready(() => answers(this.url), READY_MS);
  }

  /** What rabbitmqctl prints for a command. */
  async command(...args: readonly string[]): Promise<string> {
    const all = [...this.#variables(), `${PROGRAMS}/rabbitmqctl`, '-q', '-n', this.#node, ...args];
    const { stdout } = await run('env', all, { timeout: COMMAND_MS });
    return stdout.trim();
  }

  /** A user with a password of the same name, and patterns of what it may configure, write and read. */
  async addUser(name: string, configure: string, write: string, read: string): Promise<void> {
    await this.command('add_user', name, name);
    await this.command('set_permissions', '-p', '/', name, configure, write, read);
  }

  kill(): Promise<void> {
    return this.#daemon?.kill() ?? Promise.resolve();
  }

  freeze(): void {
    this.#daemon?.freeze();
  }

  thaw(): void {
    this.#daemon?.thaw();
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.kill();
    await this.#names?.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #node(): string {
    return `r${this.#ports.amqp}@localhost`;
  }

  #variables(): string[] {
    const at = (name: string) => join(this.#folder, name);
    const { amqp, distribution, names } = this.#ports;
    return [
      `HOME=${at('home')}`,
      `RABBITMQ_NODENAME=${this.#node}`,
      'RABBITMQ_NODE_IP_ADDRESS=127.0.0.1',
      `RABBITMQ_NODE_PORT=${amqp}`,
      `RABBITMQ_DIST_PORT=${distribution}`,
      `ERL_EPMD_PORT=${names}`,
      'ERL_EPMD_ADDRESS=127.0.0.1',
      `RABBITMQ_CONFIG_FILE=${at('rabbitmq.conf')}`,
      'RABBITMQ_CONF_ENV_FILE=/dev/null',
      `RABBITMQ_ENABLED_PLUGINS_FILE=${at('enabled_plugins')}`,
      `RABBITMQ_MNESIA_BASE=${at('mnesia')}`,
      `RABBITMQ_LOG_BASE=${at('log')}`,
      `RABBITMQ_PID_FILE=${at('pid')}`,
      'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    ];
  }
}

/** True when somebody can log in. */
async function answers(url: string): Promise<boolean> {
  const connection = new Connection({ url, connectionTimeout: 2000 });
  try {
    return await new Promise<boolean>((resolve) => {
      connection.on('connection', () => resolve(true));
      connection.on('error', () => resolve(false));
    });
  } finally {
    connection.unsafeDestroy();
  }
}
