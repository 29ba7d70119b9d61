import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { ensurePackages, type Requirement } from './packages.ts';
import { freePort } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const NEEDS: readonly Requirement[] = [{ command: '/usr/sbin/clamd', packages: ['clamav-daemon'] }];
const READY_MS = 30_000;

/** The file by which scanners are tested; it does nothing. Written in two halves, so that no scanner takes this file for it. */
export const EICAR = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
);

/** For tests that start their own. */
export async function requireClamd(): Promise<{ readonly access: null; stop(): Promise<void> }> {
  const absent = await ensurePackages(NEEDS);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  return { access: null, stop: async () => {} };
}

/** A clamd that knows one signature, that of EICAR, so that none need be fetched; takes at most `STREAM_BYTES`. */
export class Clamd {
  static readonly STREAM_BYTES = 5 * 1024 * 1024;
  readonly port: number;
  readonly #folder: string;
  #daemon: Daemon | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(): Promise<Clamd> {
    await requireClamd();
    const folder = await mkdtemp(join(tmpdir(), 'osproxy-clamd-'));
    const clamd = new Clamd(await freePort(), folder);
    await mkdir(join(folder, 'db'));
    const signature = `Eicar-Test-Signature:0:*:${EICAR.toString('hex')}\n`;
    await writeFile(join(folder, 'db', 'eicar.ndb'), signature);
    const settings = [
      ['TCPSocket', clamd.port],
      ['TCPAddr', '127.0.0.1'],
      ['LocalSocket', clamd.path],
      ['DatabaseDirectory', join(folder, 'db')],
      ['StreamMaxLength', Clamd.STREAM_BYTES],
      ['MaxThreads', 4],
      ['Foreground', 'yes'],
      ['User', 'root'],
    ];
    await writeFile(clamd.#config, settings.map(([name, value]) => `${name} ${value}\n`).join(''));
    try {
      await clamd.start();
      return clamd;
    } catch (error) {
      await clamd.stop();
      throw error;
    }
  }

  get address(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  /** Its other address. */
  get path(): string {
    return join(this.#folder, 'socket');
  }

  get #config(): string {
    return join(this.#folder, 'clamd.conf');
  }

  /** Where it was before. */
  async start(): Promise<void> {
    await rm(this.path, { force: true });
    this.#daemon = await Daemon.start('/usr/sbin/clamd', ['-c', this.#config], join(this.#folder, 'log'));
    await this.#daemon.ready(() => this.#answers(), READY_MS);
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write('zPING\0'));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString() === 'PONG\0');
      });
      socket.once('error', () => resolve(false));
    });
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
    await this.#daemon?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
