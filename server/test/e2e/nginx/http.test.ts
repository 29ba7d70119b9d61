import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { metric, settles } from '#test/faults/probe.ts';
import { head, RawClient } from '#test/faults/raw-client.ts';
import { type Nginx, startNginx } from '#test/services/nginx.ts';
import { withService } from '#test/services/shared.ts';
import { Client, content } from '../osproxy-v0/client.ts';
import { RestClient, random } from '../rest/client.ts';
import { API_KEY } from '../service.ts';
import { type SmallCluster, startCluster } from './cluster.ts';

const MIB = 1024 * 1024;
const KEY = { authorization: `Bearer ${API_KEY}` };

await withService('nginx', (access) => {
  let cluster: SmallCluster;
  let nginx: Nginx;
  let rest: RestClient;
  beforeAll(async () => {
    cluster = await startCluster([1, 2]);
    nginx = await startNginx(access, { nodes: cluster.nodes.map(({ url }) => url) });
    rest = new RestClient(nginx.url, API_KEY);
  });
  afterAll(async () => {
    rest?.close();
    await nginx?.stop();
    await cluster?.close();
  });

  const everywhere = async (name: string) => {
    const values = await Promise.all(cluster.nodes.map(({ url }) => metric(url, name)));
    return values.reduce((sum, value) => sum + value, 0);
  };
  const idle = () =>
    settles(5000, async () => {
      const open = await everywhere('osproxy_open_transfers{');
      return open === 0 ? undefined : `${open} open transfers`;
    });

  test('v0 and v1 work through nginx, over all nodes, and nothing lies in its temp folders', async () => {
    const v0 = new Client(nginx.url, API_KEY);
    const bytes = content(5 * MIB, 'through nginx');
    expect((await v0.bytesOf(await v0.upload('a.bin', bytes))).equals(bytes)).toBe(true);
    const parts = [random(MIB), random(MIB), random(10)];
    const { uid } = await rest.putParts(parts);
    const whole = Buffer.concat(parts);
    expect((await rest.content(uid)).bytes.equals(whole)).toBe(true);
    const range = await rest.content(uid, { range: 'bytes=1048570-1048585' });
    expect([range.status, range.headers['content-range']]).toEqual([
      206,
      `bytes 1048570-1048585/${whole.length}`,
    ]);
    expect(range.bytes.equals(whole.subarray(1_048_570, 1_048_586))).toBe(true);
    const { etag = '' } = (await rest.call('HEAD', `/files/${uid}/content`)).headers;
    expect((await rest.content(uid, { 'if-none-match': etag })).status).toBe(304);
    for (const { url } of cluster.nodes)
      expect(await metric(url, 'osproxy_http_requests_total')).toBeGreaterThan(3);
    expect(await nginx.tempFiles()).toEqual([]);
  });

  test('an upload flows through while it arrives', async () => {
    const size = 48 * MIB;
    const before = await everywhere('osproxy_transferred_bytes_total{direction="in"}');
    const up = await RawClient.open(nginx.url);
    await up.send(
      head('PUT', '/api/v1/files/large.bin', { ...KEY, 'content-length': size, connection: 'close' }),
    );
    await up.send(random(16 * MIB));
    await settles(10_000, async () => {
      const open = await everywhere('osproxy_open_transfers{direction="in"}');
      return open === 1 ? undefined : `${open} uploads at the nodes`;
    });
    expect(await nginx.tempFiles()).toEqual([]);
    await up.send(random(16 * MIB));
    await up.send(random(16 * MIB));
    await up.closedWithin(20_000);
    expect(up.statuses).toEqual([201]);
    expect((await everywhere('osproxy_transferred_bytes_total{direction="in"}')) - before).toBe(size);
    expect(await nginx.tempFiles()).toEqual([]);

    const { uid } = JSON.parse(
      up.received.slice(up.received.indexOf('{'), up.received.lastIndexOf('}') + 1),
    ) as { uid: string };
    const down = await RawClient.open(nginx.url);
    down.socket.once('data', () => down.socket.pause());
    await down.send(head('GET', `/api/v1/files/${uid}/content`, KEY));
    await settles(5000, async () => (down.bytes > 0 ? undefined : 'nothing came'));
    await sleep(500);
    expect(await nginx.tempFiles()).toEqual([]);
    expect(await everywhere('osproxy_open_transfers{direction="out"}')).toBe(1);
    down.leave('reset');
    await idle();
  });

  test('a client that goes away stops its upload behind nginx', async () => {
    const up = await RawClient.open(nginx.url);
    await up.send(head('PUT', '/api/v1/files/gone.bin', { ...KEY, 'content-length': 8 * MIB }));
    await up.send(random(2 * MIB));
    await settles(5000, async () =>
      (await everywhere('osproxy_open_transfers{')) === 1 ? undefined : 'not begun',
    );
    up.leave('reset');
    await idle();
  });

  test('Expect: 100-continue is answered before the body is sent', async () => {
    const bytes = random(100_000);
    const client = await RawClient.open(nginx.url);
    const headers = { ...KEY, 'content-length': bytes.length, expect: '100-continue', connection: 'close' };
    await client.send(head('PUT', '/api/v1/files/expect.bin', headers));
    await settles(5000, async () => (client.statuses[0] === 100 ? undefined : client.received));
    await client.send(bytes);
    await client.closedWithin(5000);
    expect(client.statuses).toEqual([100, 201]);
  });

  /** From another address of this machine, with headers of its own. */
  const from = (
    localAddress: string,
    url: string,
    method: string,
    path: string,
    headers: Record<string, string>,
  ) =>
    new Promise<{ id: string; text: string }>((resolve, reject) => {
      const target = new URL(path, url);
      const asking = request(
        target,
        { method, localAddress, agent: false, headers: { ...KEY, ...headers } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          answer.on('end', () => resolve({ id: String(answer.headers['x-request-id']), text }));
        },
      );
      asking.on('error', reject).end(method === 'POST' ? '{}' : undefined);
    });
  const remoteOf = async (id: string): Promise<unknown> => {
    let remote: unknown;
    await settles(3000, async () => {
      const lines = cluster.nodes.flatMap(({ lines }) =>
        lines.filter((line) => line.includes(`"requestId":"${id}"`)),
      );
      const last = lines.find((line) => line.includes('"msg":"request"'));
      remote = last === undefined ? undefined : JSON.parse(last).remote;
      return remote === undefined ? `no line of ${id}` : undefined;
    });
    return remote;
  };
  const lie = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'for=203.0.113.8',
  };

  test('logs have the address of the client, whatever it claims', async () => {
    for (const headers of [{}, lie]) {
      const { id } = await from('127.0.0.3', nginx.url, 'GET', '/api/v1/files?limit=1', headers);
      expect(await remoteOf(id)).toBe('127.0.0.3');
    }
    const [node] = cluster.nodes;
    const past = await from('127.0.0.2', node?.url ?? '', 'GET', '/api/v1/files?limit=1', lie);
    expect(await remoteOf(past.id)).toBe('127.0.0.2');
  });

  test('links have the address that the client used, whatever it claims', async () => {
    const { uid } = await rest.put('a.bin', 'abc');
    const path = `/api/v1/files/${uid}/links`;
    const json = { 'content-type': 'application/json' };
    for (const headers of [{}, lie]) {
      const { text } = await from('127.0.0.3', nginx.url, 'POST', path, {
        ...json,
        ...headers,
        host: 'files.example.com',
      });
      expect(JSON.parse(text).url).toMatch(
        new RegExp(`^http://files\\.example\\.com/api/v1/files/${uid}/content\\?link=`),
      );
    }
    const [node] = cluster.nodes;
    const { text } = await from('127.0.0.2', node?.url ?? '', 'POST', path, { ...json, ...lie });
    expect(JSON.parse(text).url).toMatch(/^\/api\/v1\//);
    const link = await rest.call('POST', `/files/${uid}/links`, { json: {} });
    expect(new URL(link.json.url).origin).toBe(nginx.url);
    expect(await (await fetch(link.json.url)).text()).toBe('abc');
  });

  test('a node that is away is not noticed', { timeout: 60_000 }, async () => {
    await cluster.nodes[0]?.kill();
    for (let round = 0; round < 20; round += 1) {
      const { uid } = await rest.put('a.bin', random(1000));
      expect((await rest.content(uid)).status).toBe(200);
      expect((await rest.call('DELETE', `/files/${uid}`)).status).toBe(204);
    }
    await cluster.restart(0);
  });
});
