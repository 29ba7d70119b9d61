import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const READER = fileURLToPath(new URL('./tls-reader.fixture.ts', import.meta.url));

test('another node is read over TLS, only where its certificate is trusted', {
  timeout: 30_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'osproxy-peer-tls-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const fresh = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  await run('openssl', ['req', ...fresh, '-keyout', key, '-out', certificate, ...subject]);
  const contents = [1_000, 5_000_017, 5_000_017].map((length) => randomBytes(length));
  const sockets = new Set<Socket>();
  let asked = 0;
  const server = createServer(
    { key: await readFile(key), cert: await readFile(certificate) },
    (request, response) => {
      sockets.add(request.socket);
      const bytes = contents[asked] ?? contents[2] ?? Buffer.alloc(0);
      asked += 1;
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    },
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = `https://localhost:${(server.address() as AddressInfo).port}`;
  const readWith = async (env: Record<string, string>): Promise<unknown> => {
    const lengths = contents.map(({ length }) => String(length));
    const { stdout } = await run(process.execPath, [READER, address, ...lengths], { env });
    return JSON.parse(stdout);
  };
  try {
    const digests = contents.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
    expect(await readWith({ NODE_EXTRA_CA_CERTS: certificate })).toEqual(digests);
    expect([asked, sockets.size]).toEqual([4, 1]);
    expect(await readWith({})).toContain('self-signed certificate');
    expect(asked).toBe(4);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
});
