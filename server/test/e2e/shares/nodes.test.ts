import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { bodyOf, shareStage } from './share-stage.ts';

const stage = shareStage();

describe('of two processes over one database', () => {
  let second: RunningService;
  let other: RestClient;
  beforeAll(async () => {
    const { service } = stage();
    second = await startService({ dataDir: service.dataDir });
    other = new RestClient(second.url);
  }, 60_000);
  afterAll(async () => {
    other?.close();
    await second?.kill();
  });

  test('what one revokes, changes or trashes holds at the other at once, and a proof of one counts there', async () => {
    const { desk, owner, share, unlock, visit } = stage();
    const entry = await desk.file(owner.userId, 'both.txt', 'both');
    for (let round = 0; round < 5; round += 1) {
      const { id, key } = await share(entry, { password: 'open sesame', maxDownloads: 3 });
      const { token } = (await unlock(key, 'open sesame')).json;
      const headers = { 'x-share-token': token };
      const statusAt = async (client: RestClient) =>
        (await client.call('GET', `/shared/${key}/content`, { headers })).status;
      expect(await statusAt(other)).toBe(200);
      const many = await Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          index % 2 === 0 ? statusAt(other) : (await visit(key, '/content', { headers })).status,
        ),
      );
      expect(many.filter((status) => status === 200)).toHaveLength(2);
      await owner.client.call('PATCH', `/shares/${id}`, { json: { maxDownloads: null } });
      expect(await statusAt(other)).toBe(200);
      await owner.client.call('PATCH', `/shares/${id}`, { json: { password: 'another one' } });
      expect(await statusAt(other)).toBe(401);
      await owner.client.call('DELETE', `/shares/${id}`);
      expect(await statusAt(other)).toBe(404);
    }
    const { key } = await share(entry);
    expect((await other.call('GET', `/shared/${key}/content`)).status).toBe(200);
    await desk.trash(owner.userId, entry);
    expect((await other.call('GET', `/shared/${key}/content`)).status).toBe(404);
  });
});

test('shares that are turned off open nothing, and must end where that is wanted', async () => {
  const { desk, owner, share, service } = stage();
  const entry = await desk.file(owner.userId, 'off.txt', 'off');
  const { key } = await share(entry);
  const start = (env: Record<string, string>) => startService({ dataDir: service.dataDir, env });
  const off = await start({ OSPROXY_SHARES_ENABLED: 'false' });
  const ending = await start({ OSPROXY_SHARES_MAX_EXPIRE_DAYS: '7' });
  const [visitor, mine] = [new RestClient(off.url), new RestClient(ending.url, owner.accessToken)];
  const mineOff = new RestClient(off.url, owner.accessToken);
  try {
    expect((await visitor.call('GET', `/shared/${key}`)).status).toBe(404);
    expect((await mineOff.call('POST', '/shares', { json: { entry } })).status).toBe(403);
    const make = (expiresAt?: number) => {
      const more = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() };
      return mine.call('POST', '/shares', { json: { entry, ...more } });
    };
    const day = 86_400_000;
    for (const refused of [await make(), await make(Date.now() + 8 * day)]) {
      expect([refused.status, refused.json.details.field]).toEqual([400, 'expiresAt']);
    }
    const made = await make(Date.now() + 6 * day);
    expect(made.status).toBe(201);
    const path = `/shares/${bodyOf(made).id}`;
    expect((await mine.call('PATCH', path, { json: { label: 'kept' } })).status).toBe(200);
    expect((await mine.call('PATCH', path, { json: { expiresAt: null } })).status).toBe(400);
  } finally {
    for (const client of [visitor, mine, mineOff]) client.close();
    await Promise.all([off.kill(), ending.kill()]);
  }
}, 60_000);
