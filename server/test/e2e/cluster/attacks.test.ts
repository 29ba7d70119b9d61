import { readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PEER_PURPOSE } from '#core/cluster/peer-gate.ts';
import {
  CODE_HEADER,
  EMPTY_SHA256,
  isProven,
  keyFor,
  PROOF_HEADER,
  SIZE_HEADER,
  signPeerRequest,
} from '#core/cluster/peer-signature.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import {
  keysOn,
  putFile,
  SECRET,
  some,
  startCluster,
  type TestCluster,
  type TestNode,
  until,
} from './nodes.ts';

interface Sent {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** Sends the path as it is, which fetch would tidy up first. */
function raw(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const outgoing = request({ hostname, port, method, path, headers, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const bodied = (authorization: string) => ({ authorization, 'content-length': '6' });

interface Signing {
  readonly secret?: string;
  readonly method?: string;
  readonly to?: string;
  readonly at?: number;
}

function sign(path: string, { secret = SECRET, method = 'GET', to = 'n1', at = Date.now() }: Signing = {}) {
  const wanted = { method, target: path, bodySha256: EMPTY_SHA256 };
  return signPeerRequest(keyFor(secret, PEER_PURPOSE), wanted, { from: 'n2', to, at });
}

describe('the calls between nodes', () => {
  let cluster: TestCluster;
  let node: TestNode;
  let bytes: Buffer;
  let path: string;

  beforeAll(async () => {
    cluster = await startCluster(1);
    [node] = cluster.nodes as [TestNode];
    bytes = some(100_000);
    await putFile(node, bytes);
    const [key] = await keysOn(node);
    path = `/api/peer/v1/objects/local/${key}`;
  }, 40_000);
  afterAll(() => cluster.close(), 40_000);

  const get = (target: string, header: string, method = 'GET') =>
    raw(node.url, method, target, { authorization: header });

  it('give a peer the bytes, a range of them and what stat says, with a proof', async () => {
    const { header, nonce } = sign(path);
    const whole = await get(path, header);
    expect([whole.status, whole.body.equals(bytes)]).toEqual([200, true]);
    expect(whole.headers[SIZE_HEADER]).toBe('100000');
    const answer = { status: 200, code: '', size: 100_000 };
    const key = keyFor(SECRET, PEER_PURPOSE);
    expect(isProven(key, nonce, answer, String(whole.headers[PROOF_HEADER]))).toBe(true);
    const part = `${path}?offset=10&length=20`;
    expect((await get(part, sign(part).header)).body.equals(bytes.subarray(10, 30))).toBe(true);
    const beyond = `${path}?offset=99999&length=20`;
    expect((await get(beyond, sign(beyond).header)).headers[CODE_HEADER]).toBe('RangeNotSatisfiable');
    const head = await get(path, sign(path, { method: 'HEAD' }).header, 'HEAD');
    expect([head.status, head.headers[SIZE_HEADER]]).toEqual([200, '100000']);
  });

  it('refuse a replay', async () => {
    const { header } = sign(path);
    expect((await get(path, header)).status).toBe(200);
    const again = await get(path, header);
    expect([again.status, again.body.includes(bytes.subarray(0, 100))]).toEqual([401, false]);
  });

  it('refuse another path, query, method, time, target and body than was signed', async () => {
    const { header } = sign(path);
    const statuses = [
      await get(`${path}0`, header),
      await get(`${path}?offset=0&length=1`, header),
      await get(path, header, 'DELETE'),
      await get(path, header, 'HEAD'),
      await get(
        path,
        header.replace(/at=(\d+)/, (_all, at) => `at=${Number(at) + 1}`),
      ),
      await get(path, header.replace('to=n1', 'to=n2')),
      await get(path, sign(path, { to: 'n2' }).header),
      await get(path, sign(path, { at: Date.now() - 31_000 }).header),
      await get(path, sign(path, { at: Date.now() + 31_000 }).header),
      await get(path, sign(path, { secret: `${SECRET}.` }).header),
      await raw(node.url, 'DELETE', path, bodied(sign(path, { method: 'DELETE' }).header), 'a body'),
      await get(path, ''),
      await raw(node.url, 'GET', path, {}),
    ].map(({ status }) => status);
    expect(statuses).toEqual(statuses.map(() => 401));
    expect(await keysOn(node)).toHaveLength(1);
    // None of these used the signature up.
    expect((await get(path, header)).status).toBe(200);
  });

  it('say in the log how far the clocks are apart', async () => {
    await get(path, sign(path, { at: Date.now() - 95_000 }).header);
    const says = (line: string) => /clock of node n2 is \d+\.\d seconds behind/.test(line);
    await until('the log says it', () => node.service.lines.some(says));
  });

  it('are not for service keys, whatever they may do', async () => {
    for (const headers of [{ authorization: `Bearer ${API_KEY}` }, { 'x-api-key': API_KEY }]) {
      for (const method of ['GET', 'HEAD', 'DELETE'])
        expect((await raw(node.url, method, path, headers)).status).toBe(401);
    }
    expect(await keysOn(node)).toHaveLength(1);
  });

  it('open nothing else to a peer', async () => {
    for (const other of ['/api/v1/files', '/api/v1/cluster', '/api/storage/v0/proxy?uid=1'])
      expect((await get(other, sign(other).header)).status).toBe(401);
  });

  it.each([
    '../../../../etc/passwd',
    '..%2f..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/node-id',
    'ab/cd/..%5c..%5cnode-id',
    '..//node-id',
    '/etc/passwd',
    'ab//cd',
    'AB/cd',
    'ab/cd%00',
    'osproxy-store-mark',
    'a'.repeat(201),
  ])('refuse the key %s for reading and deleting', async (key) => {
    const target = `/api/peer/v1/objects/local/${key}`;
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const answer = await get(target, sign(target, { method }).header, method);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers[CODE_HEADER]).not.toBe('NotFound');
      expect(answer.body.includes('root:')).toBe(false);
    }
    expect(await keysOn(node)).toHaveLength(1);
  });

  it('know node-local stores only', async () => {
    const target = path.replace('/local/', '/elsewhere/');
    const answer = await get(target, sign(target).header);
    expect([answer.status, answer.headers[CODE_HEADER]]).toEqual([503, 'Unavailable']);
  });

  it('do not believe a folder that lost its mark when it lacks something', async () => {
    const gone = path.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect((await get(gone, sign(gone).header)).headers[CODE_HEADER]).toBe('NotFound');
    for (const file of await readdir(join(node.dataDir, 'files'), { recursive: true }))
      if (file.endsWith('osproxy-store-mark')) await rm(join(node.dataDir, 'files', file));
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const found = await get(gone, sign(gone, { method }).header, method);
      expect([method, found.headers[CODE_HEADER]]).toEqual([method, 'Unavailable']);
    }
  });
});

describe('without a cluster secret', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService();
  }, 40_000);
  afterAll(() => service.close());

  it('there are no calls between nodes at all', async () => {
    const path = '/api/peer/v1/objects/local/ab/cd/0123';
    const headers = { authorization: sign(path).header };
    const answer = await raw(service.url, 'GET', path, headers);
    expect([answer.status, answer.headers[PROOF_HEADER]]).toEqual([404, undefined]);
  });
});
