import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect, type SecureVersion } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Nginx, startNginx } from '#test/services/nginx.ts';
import { withService } from '#test/services/shared.ts';
import { random } from '../rest/client.ts';
import { API_KEY } from '../service.ts';
import { type SmallCluster, startCluster } from './cluster.ts';

await withService('nginx', (access) => {
  let cluster: SmallCluster;
  let nginx: Nginx;
  let agent: Agent;
  beforeAll(async () => {
    cluster = await startCluster([2]);
    nginx = await startNginx(access, { nodes: cluster.nodes.map(({ url }) => url), tls: true });
    agent = new Agent({ keepAlive: true, ca: nginx.certificate ?? '' });
  });
  afterAll(async () => {
    agent?.destroy();
    await nginx?.stop();
    await cluster?.close();
  });

  const call = (method: string, url: string, body?: Buffer | string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
      const key = { authorization: `Bearer ${API_KEY}` };
      const asking = request(
        new URL(url, nginx.url),
        { method, agent, headers: { ...key, ...headers } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              bytes: Buffer.concat(chunks),
            }),
          );
        },
      );
      asking.on('error', reject).end(body);
    });

  test('uploads, downloads and links go over https', async () => {
    const bytes = random(3_000_000);
    const put = await call('PUT', '/api/v1/files/a.bin', bytes);
    expect(put.status).toBe(201);
    expect(put.headers['strict-transport-security']).toMatch(/max-age=\d{8}/);
    const { uid } = JSON.parse(put.bytes.toString()) as { uid: string };
    expect((await call('GET', `/api/v1/files/${uid}/content`)).bytes.equals(bytes)).toBe(true);
    const link = await call('POST', `/api/v1/files/${uid}/links`, '{}', {
      'content-type': 'application/json',
    });
    const { url } = JSON.parse(link.bytes.toString()) as { url: string };
    expect(new URL(url).origin).toBe(nginx.url);
    const got = await call('GET', url, undefined, { authorization: '', range: 'bytes=0-9' });
    expect([got.status, got.bytes.equals(bytes.subarray(0, 10))]).toEqual([206, true]);
    expect(await nginx.tempFiles()).toEqual([]);
  });

  test('old versions of TLS are refused, and HTTP/2 is offered', async () => {
    const { port } = new URL(nginx.url);
    const speak = async (maxVersion: SecureVersion) => {
      const minVersion: SecureVersion = 'TLSv1';
      const options = {
        port: Number(port),
        host: 'localhost',
        ca: nginx.certificate ?? '',
        ALPNProtocols: ['h2'],
      };
      const socket = connect({ ...options, minVersion, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' });
      const result = await Promise.race([
        once(socket, 'secureConnect').then(() => `${socket.getProtocol()} ${socket.alpnProtocol}`),
        once(socket, 'error').then(() => 'refused'),
      ]).catch(() => 'refused');
      socket.destroy();
      return result;
    };
    expect(await speak('TLSv1.3')).toBe('TLSv1.3 h2');
    expect(await speak('TLSv1.2')).toBe('TLSv1.2 h2');
    expect(await speak('TLSv1.1')).toBe('refused');
  });
});
