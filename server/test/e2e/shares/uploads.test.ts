import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RawClient } from '#frontends/http/test-server.ts';
import { hex, RestClient, random } from '../rest/client.ts';
import type { RunningService } from '../service.ts';
import { bodyOf, shareStage } from './share-stage.ts';

const stage = shareStage({ OSPROXY_DRIVE_QUOTA_MIB: '20' });

const namesIn = async (folder: string): Promise<string[]> => {
  const { desk } = stage();
  return (await desk.metadata.entries.childrenByName(folder, undefined, 100)).map(({ name }) => name);
};

function put(key: string, name: string, body: string | Buffer, headers: Record<string, string> = {}) {
  return stage().visit(key, `/files/${encodeURIComponent(name)}`, { method: 'PUT', body, headers });
}

/** The status of a file that is sent in two halves; `between` is done when the first has come. */
async function slowly(
  service: RunningService,
  key: string,
  between: () => Promise<unknown>,
): Promise<number> {
  const client = new RawClient(Number(new URL(service.url).port));
  const head = 'host: x\r\nconnection: close\r\ncontent-length: 10\r\nexpect: 100-continue';
  client.send(`PUT /api/v1/shared/${key}/files/late.txt HTTP/1.1\r\n${head}\r\n\r\n`);
  await client.hears('100 Continue\r\n\r\n');
  client.send('12345');
  await sleep(200);
  await between();
  client.send('67890');
  await client.closed;
  return Number(/HTTP\/1\.1 ([2-5]\d\d)/.exec(client.received)?.[1]);
}

describe('a share that takes files', () => {
  test('takes them in one request and in parts, and tells nothing of what is there', async () => {
    const { desk, owner, share, visit, look } = stage();
    const folder = await desk.folder(owner.userId, 'letters');
    await desk.file(owner.userId, 'a.txt', 'there already', folder);
    const { id, key } = await share(folder, { permission: 'upload' });
    const taken = await put(key, 'a.txt', 'from a visitor');
    expect([taken.status, taken.json]).toEqual([201, { name: 'a.txt', size: 14 }]);
    const free = await put(key, 'b.txt', 'from a visitor');
    expect(Object.keys(bodyOf(free))).toEqual(Object.keys(bodyOf(taken)));
    const bytes = random(300_000);
    const json = { name: 'c.bin', size: bytes.length, sha256: hex('sha256', bytes) };
    const begun = await visit(key, '/uploads', { method: 'POST', json });
    expect(begun.status).toBe(201);
    const path = `/uploads/${bodyOf(begun).upload}`;
    for (const [index, part] of [bytes.subarray(0, 200_000), bytes.subarray(200_000)].entries()) {
      expect((await visit(key, `${path}/parts/${index + 1}`, { method: 'PUT', body: part })).status).toBe(
        200,
      );
    }
    expect(bodyOf(await visit(key, path)).parts).toHaveLength(2);
    expect((await visit(key, `${path}/complete`, { method: 'POST' })).status).toBe(204);
    expect(await namesIn(folder)).toEqual(['a (1).txt', 'a.txt', 'b.txt', 'c.bin']);
    expect(await look(id)).toMatchObject({ uploads: 3 });
    for (const way of ['/entries', '/content', '/zip']) expect((await visit(key, way)).status).toBe(403);
  });

  test('takes no more files, and no larger ones, than it says, also many at once', async () => {
    const { desk, owner, share, visit, look } = stage();
    const folder = await desk.folder(owner.userId, 'limited');
    const { id, key } = await share(folder, { permission: 'upload', maxUploads: 5, maxUploadBytes: 100 });
    expect((await put(key, 'large.bin', Buffer.alloc(101))).status).toBe(413);
    const large = { method: 'POST', json: { name: 'large.bin', size: 101 } };
    expect((await visit(key, '/uploads', large)).status).toBe(413);
    const begin = (index: number) =>
      visit(key, '/uploads', { method: 'POST', json: { name: `${index}.bin`, size: 10 } });
    const both = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0 ? put(key, `${index}.bin`, 'x') : begin(index),
    );
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 410)).toHaveLength(35);
    expect((await look(id)).uploads).toBe(5);
    expect(bodyOf(await visit(key))).toMatchObject({ uploadsLeft: 0, maxUploadBytes: 100 });
  });

  test('uses the room of its owner, and tells nothing of it', async () => {
    const { desk, owner, share, visit } = stage();
    const { key } = await share(await desk.folder(owner.userId, 'full'), { permission: 'upload' });
    const refused = await visit(key, '/uploads', {
      method: 'POST',
      json: { name: 'huge', size: 30_000_000 },
    });
    expect(refused.status).toBe(507);
    expect(bodyOf(refused).details).toBeUndefined();
    expect(refused.json.detail).not.toMatch(/\d/);
  });

  test('takes nothing through another share, without its password, or when it has ended', async () => {
    const { desk, owner, share, visit, unlock } = stage();
    const folder = await desk.folder(owner.userId, 'guarded');
    const one = await share(folder, { permission: 'upload', password: 'open sesame' });
    const [reading, other] = [await share(folder), await share(folder, { permission: 'upload' })];
    expect((await put(reading.key, 'x', 'x')).status).toBe(403);
    expect((await put(one.key, 'x', 'x')).status).toBe(401);
    const unlocked = await unlock(one.key, 'open sesame');
    const { token } = unlocked.json;
    const [cookie = ''] = unlocked.headers['set-cookie'] ?? [];
    expect((await put(one.key, 'x', 'x', { cookie: cookie.split(';')[0] ?? '' })).status).toBe(401);
    const headers = { 'x-share-token': token };
    const json = { name: 'y', size: 1 };
    const begun = await visit(one.key, '/uploads', { method: 'POST', json, headers });
    const handle = String(bodyOf(begun).upload);
    const [uid = '', ...signature] = handle.split('.');
    const forged = `${BigInt(uid) + 1n}.${signature.join('.')}`;
    const calls = [
      [other.key, handle],
      [one.key, forged],
      [one.key, uid],
      [other.key, `${uid}.`],
    ] as const;
    for (const [key, name] of calls) {
      const shown = key === one.key ? { headers } : {};
      for (const [method, path] of [
        ['GET', ''],
        ['PUT', '/parts/1'],
        ['POST', '/complete'],
        ['DELETE', ''],
      ] as const) {
        const body = method === 'PUT' ? { body: 'x' } : {};
        const answer = await visit(key, `/uploads/${name}${path}`, { method, ...body, ...shown });
        expect([method, answer.status]).toEqual([method, 404]);
      }
    }
    await owner.client.call('DELETE', `/shares/${one.id}`);
    expect(
      (await visit(one.key, `/uploads/${handle}/parts/1`, { method: 'PUT', body: 'x', headers })).status,
    ).toBe(404);
    expect(await namesIn(folder)).toEqual([]);
  });

  test('takes no file that was on its way when the share ended or changed', async () => {
    const { desk, service, owner, other, share, visit } = stage();
    const admin = new RestClient(service.url, service.apiKey);
    onTestFinished(() => admin.close());
    const change = async (id: string, json: object, by = owner.client) => {
      const { status } = await by.call('PATCH', `/shares/${id}`, { json });
      if (status !== 200) throw new Error(`change: ${status}`);
    };
    const soon = () => new Date(Date.now() + 1000).toISOString();
    const ends: [string, number, (id: string) => Promise<unknown>][] = [
      ['nothing', 201, async () => {}],
      ['reading only', 403, (id) => change(id, { permission: 'view' })],
      ['another password', 401, (id) => change(id, { password: 'open sesame' })],
      ['smaller files', 413, (id) => change(id, { maxUploadBytes: 5 })],
      ['its time', 410, (id) => change(id, { expiresAt: soon() }).then(() => sleep(1100))],
      ['revoked', 404, (id) => owner.client.call('DELETE', `/shares/${id}`)],
    ];
    for (const [what, status, end] of ends) {
      const folder = await desk.folder(owner.userId, `meanwhile ${what}`);
      const { id, key } = await share(folder, { permission: 'upload' });
      const answer = await slowly(service, key, () => end(id));
      expect([what, answer, await namesIn(folder)]).toEqual([
        what,
        status,
        status === 201 ? ['late.txt'] : [],
      ]);
    }
    const folder = await desk.folder(other.userId, 'meanwhile disabled');
    const made = await other.client.call('POST', '/shares', {
      json: { entry: folder, permission: 'upload' },
    });
    const { key } = bodyOf(made) as { key: string };
    const state = (to: string) => admin.call('PATCH', `/users/${other.userId}`, { json: { state: to } });
    expect(await slowly(service, key, () => state('disabled'))).toBe(404);
    expect(await namesIn(folder)).toEqual([]);
    expect((await visit(key)).status).toBe(404);
  }, 30_000);

  test('gives an upload up', async () => {
    const { desk, owner, share, visit } = stage();
    const { key } = await share(await desk.folder(owner.userId, 'given up'), { permission: 'upload' });
    const begun = await visit(key, '/uploads', { method: 'POST', json: { name: 'z', size: 1_000_000 } });
    const before = await desk.metadata.drives.find(owner.userId);
    expect((await visit(key, `/uploads/${bodyOf(begun).upload}`, { method: 'DELETE' })).status).toBe(204);
    const after = await desk.metadata.drives.find(owner.userId);
    expect((before?.reservedBytes ?? 0) - (after?.reservedBytes ?? 0)).toBe(1_000_000);
  });
});
