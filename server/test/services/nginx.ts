import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Daemon } from './daemon.ts';
import { ensurePackages } from './packages.ts';
import { freePort } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../../../deploy/nginx/', import.meta.url));
const INSTALLED = '/etc/nginx/osproxy/';
const NAME = 'files.example.com';

export interface NginxAccess {
  /** Path of the program. */
  readonly command: string;
}

/** Makes sure that nginx and openssl are here; each test runs its own server by startNginx(). */
export async function sharedNginx(): Promise<{ readonly access: NginxAccess; stop(): Promise<void> }> {
  const absent = await ensurePackages([
    { command: '/usr/sbin/nginx', packages: ['nginx-light'] },
    { command: 'openssl', packages: ['openssl'] },
  ]);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  return { access: { command: '/usr/sbin/nginx' }, stop: async () => {} };
}

export interface Nginx {
  readonly url: string;
  /** The self-signed certificate, where it serves https. */
  readonly certificate: string | undefined;
  /** Files under the folders that nginx writes bodies to. */
  tempFiles(): Promise<string[]>;
  errorLog(): Promise<string>;
  stop(): Promise<void>;
}

/** nginx with the files of deploy/nginx, in which only addresses, ports and paths are exchanged. */
export async function startNginx(
  { command }: NginxAccess,
  options: { readonly nodes: readonly string[]; readonly tls?: boolean },
): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-nginx-'));
  const [port, plainPort] = [await freePort(), await freePort()];
  const temp = join(folder, 'temp');
  await mkdir(temp);
  if (options.tls === true) await makeCertificate(folder);
  for (const name of await readdir(DEPLOY)) {
    if (!name.endsWith('.conf')) continue;
    const text = await readFile(join(DEPLOY, name), 'utf8');
    await writeFile(join(folder, name), adapted(text, folder, options.nodes, port, plainPort));
  }
  const config = join(folder, 'nginx.conf');
  const site = join(folder, options.tls === true ? 'osproxy-https.conf' : 'osproxy-http.conf');
  await writeFile(config, mainConfig(folder, temp, site));
  const daemon = await Daemon.start(
    command,
    ['-p', folder, '-c', config, '-e', join(folder, 'error.log')],
    join(folder, 'out.log'),
  );
  const errorLog = () => readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
  try {
    await daemon.ready(() => answers(port), 15_000);
  } catch (cause) {
    const log = await errorLog();
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
    throw new Error(`nginx did not start: ${log}`, { cause });
  }
  return {
    url: options.tls === true ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    certificate: options.tls === true ? await readFile(join(folder, 'fullchain.pem'), 'utf8') : undefined,
    tempFiles: async () => {
      const entries = await readdir(temp, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    },
    errorLog,
    stop: async () => {
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function adapted(
  text: string,
  folder: string,
  nodes: readonly string[],
  port: number,
  plainPort: number,
): string {
  const main = text.includes('listen 443') ? 443 : 80;
  const server = /^ *server 127\.0\.0\.1:8888(.*)$/m;
  const rest = server.exec(text)?.[1] ?? '';
  const lines = nodes.map((node) => `    server ${new URL(node).host}${rest}`).join('\n');
  return text
    .replaceAll(INSTALLED, `${folder}/`)
    .replace(server, lines)
    .replaceAll(/^ *listen \[::\].*\n/gm, '')
    .replaceAll(
      /listen (\d+)/g,
      (_all, given) => `listen 127.0.0.1:${Number(given) === main ? port : plainPort}`,
    )
    .replaceAll(`server_name ${NAME}`, `server_name ${NAME} localhost 127.0.0.1`);
}

function mainConfig(folder: string, temp: string, site: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 2;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 1024; }
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${join(temp, name)};`).join('\n  ')}
  include ${site};
}
`;
}

async function makeCertificate(folder: string): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', `subjectAltName=DNS:localhost,DNS:${NAME}`],
    ...['-keyout', join(folder, 'privkey.pem'), '-out', join(folder, 'fullchain.pem')],
  ]);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
