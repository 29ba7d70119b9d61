import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createLog } from '#drivers/logger/pino.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { createKeys, type Keys } from '../access/principals.ts';
import { type RunningService, startService } from '../service.ts';
import { call, openStream, put } from './event-client.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

let service: RunningService;
let keys: Keys;
beforeAll(async () => {
  service = await startService();
  keys = await createKeys(service);
}, 60_000);
afterAll(() => service?.close());

const as = (key: string): RunningService => ({ ...service, apiKey: key });

async function removeAll(): Promise<void> {
  const { logger, close } = createLog({ level: 'silent' });
  const metadata = await openMetadata(service.databaseUrl, { logger });
  const last = (await metadata.events.last()) ?? '0';
  await metadata.transaction(({ events }) => events.removeOld(Number.MAX_SAFE_INTEGER, last, 1000));
  await metadata.close();
  await close();
}

describe('the stream of events', () => {
  test('tells what comes, as it comes, and nothing of before', async () => {
    await put(service, 'before.txt');
    await vi.waitFor(async () => {
      const past = await openStream(service, '?after=0&follow=false');
      await past.ended;
      expect(JSON.stringify(past.told)).toContain('before.txt');
    }, WITHIN);
    const stream = await openStream(service, '?types=file.*');
    expect(stream.status).toBe(200);
    const uid = await put(service, '報告.txt');
    await call(service, 'POST', `/files/${uid}/links`);
    await call(service, 'DELETE', `/files/${uid}`);
    await vi.waitFor(() => expect(stream.told).toHaveLength(2), WITHIN);
    expect(stream.told.map(({ event }) => event)).toEqual(['file.ready', 'file.deleted']);
    expect(stream.told[0]?.data).toMatchObject({
      ...{ specversion: '1.0', type: 'osproxy.file.ready', subject: uid },
      data: { uid, name: '報告.txt', verified: true },
    });
    await stream.close();
  });

  test('goes on after the last id that a client knows, by header or by address', async () => {
    const first = await openStream(service);
    const uid = await put(service, 'resume.txt');
    await vi.waitFor(() => expect(first.told).toHaveLength(1), WITHIN);
    await first.close();
    await call(service, 'PATCH', `/files/${uid}`, { name: 'later.txt' });
    for (const [query, headers] of [
      [`?after=${first.lastId}`, {}],
      ['?after=0', { 'last-event-id': first.lastId }],
    ] as const) {
      const again = await openStream(service, query, headers);
      await vi.waitFor(() => expect(again.told.map(({ event }) => event)).toEqual(['file.renamed']), WITHIN);
      await again.close();
    }
  });

  test('shows an owner its own events, and an administrator all', async () => {
    const [own, other, admin] = await Promise.all(
      [keys.read, keys.otherOwner, keys.admin].map((key) => openStream(as(key))),
    );
    const uid = await put(as(keys.builder), 'owned.txt');
    const subjects = (stream: typeof own) => stream?.told.map(({ data }) => data.subject);
    await vi.waitFor(() => {
      expect(subjects(own)).toEqual([uid]);
      expect(subjects(admin)).toEqual([uid]);
    }, WITHIN);
    expect(subjects(other)).toEqual([]);
    for (const stream of [own, other, admin]) await stream?.close();
  });

  test('ends for a key that is revoked, has expired or whose secret is not good any more, and for no other', async () => {
    const made = async (more: object = {}) => {
      const { body } = await call(service, 'POST', '/keys', { name: 'reader', scopes: ['read'], ...more });
      return body as { id: string; secret: string };
    };
    const [revoked, replaced, overlapping] = [await made(), await made(), await made()];
    const expiring = await made({ expiresAt: new Date(Date.now() + 4000).toISOString() });
    const open = ({ secret }: { secret: string }) => openStream(as(secret));
    const ending = await Promise.all([revoked, replaced, expiring].map(open));
    const staying = await Promise.all([openStream(service), open(overlapping)]);
    expect([...ending, ...staying].map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await call(service, 'DELETE', `/keys/${revoked.id}`);
    await call(service, 'POST', `/keys/${replaced.id}/rotate`, { overlapSeconds: 0 });
    await call(service, 'POST', `/keys/${overlapping.id}/rotate`, { overlapSeconds: 3600 });
    await Promise.all(ending.map(({ ended }) => ended));
    const uid = await put(service, 'still.txt');
    await vi.waitFor(() => {
      for (const { told } of staying) expect(told.map(({ data }) => data.subject)).toEqual([uid]);
    }, WITHIN);
    expect(ending.flatMap(({ told }) => told)).toEqual([]);
    for (const stream of staying) await stream.close();
  }, 30_000);

  test.each([
    ['?after=x', {}, 400],
    ['?types=file.ready,smoke', {}, 400],
    ['', { 'last-event-id': 'x' }, 400],
  ])('refuses %s %o', async (query, headers, status) => {
    const stream = await openStream(service, query, headers);
    expect(stream.status).toBe(status);
    await stream.close();
  });

  test('says 410 when what a client missed has been removed', async () => {
    await put(service, 'removed.txt');
    await vi.waitFor(async () => {
      const { told, ended } = await openStream(service, '?after=0&follow=false');
      await ended;
      expect(JSON.stringify(told)).toContain('removed.txt');
    }, WITHIN);
    await removeAll();
    const stream = await openStream(service, '?after=1');
    expect(stream.status).toBe(410);
    await stream.close();
    const fresh = await openStream(service);
    expect(fresh.status).toBe(200);
    await fresh.close();
  });

  test('cuts off a client that does not read, however much there is to tell', async () => {
    const own = await startService({ env: { OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS: '2' } });
    const { logger, close } = createLog({ level: 'silent' });
    const metadata = await openMetadata(own.databaseUrl, { logger });
    // More than the buffers of the system take.
    const data = { name: 'x'.repeat(8000) };
    for (let round = 0; round < 10; round++) {
      await metadata.transaction(async ({ events }) => {
        for (let i = 0; i < 400; i++) await events.append({ type: 'file.ready', subject: 's', data }, 1);
        await events.sequence(400);
      });
    }
    await metadata.close();
    await close();
    const silent = connect(Number(new URL(own.url).port), '127.0.0.1');
    silent.on('error', () => {});
    silent.pause();
    silent.write(
      `GET /api/v1/events?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${own.apiKey}\r\n\r\n`,
    );
    const cut = () =>
      own.lines.filter((line) => line.includes('/api/v1/events') && line.includes('"msg":"request"'));
    await vi.waitFor(() => expect(cut()).toHaveLength(1), WITHIN);
    const reader = await openStream(own, '?after=0&follow=false');
    await reader.ended;
    expect(reader.told.filter(({ data: { subject } }) => subject === 's')).toHaveLength(4000);
    silent.destroy();
    await own.close();
  }, 60_000);

  test('ends by itself when the service stops, also for a client that reads nothing', async () => {
    const own = await startService();
    const stream = await openStream(own);
    const silent = connect(Number(new URL(own.url).port), '127.0.0.1');
    silent.on('error', () => {});
    silent.write(
      `GET /api/v1/events?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${own.apiKey}\r\n\r\n`,
    );
    silent.pause();
    await put(own, 'a.txt');
    await vi.waitFor(() => expect(stream.told.length).toBeGreaterThan(0), WITHIN);
    const began = Date.now();
    expect(await own.stop()).toBe(0);
    expect(Date.now() - began).toBeLessThan(15_000);
    await stream.ended;
    silent.destroy();
    await own.close();
  });
});
