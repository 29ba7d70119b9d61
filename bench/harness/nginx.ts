import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, stopProcess } from './processes.ts';
import { findTools } from './tools.ts';

export interface Nginx {
  readonly url: string;
  readonly pid: number;
  /** Served at `/`; a PUT lands here. */
  readonly root: string;
  stop(): Promise<void>;
}

/** nginx with its own configuration in the folder: sendfile, no access log, PUT by the dav module, which does not sync. */
export async function startNginx(folder: string): Promise<Nginx> {
  const { nginx } = findTools('nginx');
  const root = join(folder, 'root');
  for (const path of [root, join(folder, 'temp')]) mkdirSync(path, { recursive: true });
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, configuration(folder, root, port));
  const child = startProcess(nginx, ['-p', folder, '-c', config, '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt += 1) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    if (child.exitCode !== null || attempt > 250) {
      throw new Error(`nginx did not start; see ${join(folder, 'error.log')}`);
    }
    await sleep(20);
  }
  return { url, pid: child.pid ?? 0, root, stop: () => stopProcess(child) };
}

function configuration(folder: string, root: string, port: number): string {
  const temp = (name: string) => `${name}_temp_path ${join(folder, 'temp', name)};`;
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes ${Math.max(1, Math.min(4, availableParallelism() >> 1))};
pid ${join(folder, 'nginx.pid')};
events { worker_connections 2048; }
http {
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=20000 inactive=600s;
  open_file_cache_valid 600s;
  client_max_body_size 0;
  client_body_buffer_size 1m;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(temp).join('\n  ')}
  server {
    listen 127.0.0.1:${port} backlog=2048;
    root ${root};
    location / {
      dav_methods PUT DELETE;
      create_full_put_path on;
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
