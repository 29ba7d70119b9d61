import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Receiver, startReceiver, verifies } from '#drivers/event-sinks/webhook/receiver.fixture.ts';
import type { RunningService } from '../service.ts';
import { call, put, SECRET, sinkOf, startTelling } from './event-client.ts';

const WITHIN = { timeout: 30_000, interval: 50 };
const FILES = 40;
const RENAMES = 49;

let receiver: Receiver;
let services: RunningService[];
beforeEach(async () => {
  receiver = await startReceiver();
  services = [];
});
afterEach(async () => {
  for (const service of services) await service.close();
  await receiver.close();
});

async function start(more: Parameters<typeof startTelling>[1] = {}): Promise<RunningService> {
  const service = await startTelling(receiver.url, more);
  services.push(service);
  await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ name: 'hook' }), WITHIN);
  return service;
}

interface Event {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly name?: string };
}

/** What came, each event once, as a receiver does that remembers ids. */
function seen(): Event[] {
  const byId = new Map(
    receiver.received.map(({ body }) => JSON.parse(body) as Event).map((one) => [one.id, one]),
  );
  return [...byId.values()];
}

describe('a webhook of a service', () => {
  test('is told of a file from its upload to its end', async () => {
    const service = await start();
    const uid = await put(service, 'a.txt');
    await call(service, 'PATCH', `/files/${uid}`, { name: 'b.txt' });
    await call(service, 'POST', `/files/${uid}/links`);
    await call(service, 'DELETE', `/files/${uid}`);
    const own = () =>
      seen()
        .filter(({ subject }) => subject === uid)
        .map(({ type }) => type);
    const all = ['file.ready', 'file.renamed', 'link.created', 'file.deleted'].map(
      (type) => `osproxy.${type}`,
    );
    await vi.waitFor(() => expect(own()).toEqual(all), WITHIN);
    expect(receiver.received.every((one) => verifies(SECRET, one))).toBe(true);
    await vi.waitFor(
      async () => expect(await sinkOf(service)).toMatchObject({ state: 'active', lag: 0 }),
      WITHIN,
    );
  });

  test('is told only of the types it asked for', async () => {
    const service = await start({ settings: { types: ['file.deleted', 'link.*'] } });
    const uid = await put(service, 'a.txt');
    await call(service, 'POST', `/files/${uid}/links`);
    await call(service, 'DELETE', `/files/${uid}`);
    const types = () => seen().map(({ type }) => type);
    await vi.waitFor(() => expect(types()).toEqual(['osproxy.link.created', 'osproxy.file.deleted']), WITHIN);
  });

  test('gets a parked event again when somebody says so, by API', async () => {
    receiver.answer = (response, { body }) =>
      void response.writeHead(body.includes('poison') ? 400 : 204).end();
    const service = await start({ settings: { maxAttempts: 1 } });
    await put(service, 'poison.txt');
    await put(service, 'fine.txt');
    await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ parked: 1, lag: 0 }), WITHIN);
    const list = async () =>
      (
        (await call(service, 'GET', '/event-sinks/hook/parked')).body as {
          events: { id: string; reason: string }[];
        }
      ).events;
    const [parked] = await list();
    expect(parked).toMatchObject({ type: 'file.ready', attempts: 1, reason: 'the receiver answered 400' });
    receiver.answer = (response) => void response.writeHead(204).end();
    const redriven = await call(service, 'POST', '/event-sinks/hook/redrive', { positions: [parked?.id] });
    expect(redriven).toEqual({ status: 200, body: { count: 1 } });
    await vi.waitFor(async () => expect(await list()).toEqual([]), WITHIN);
    await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ waiting: 0 }), WITHIN);
    expect(await call(service, 'DELETE', '/event-sinks/hook/parked')).toEqual({
      status: 200,
      body: { count: 0 },
    });
  });

  test('is disabled by 410 and by hand, and goes on where it was when it is enabled', async () => {
    receiver.answer = (response) => void response.writeHead(410).end();
    const service = await start();
    await put(service, 'a.txt');
    await vi.waitFor(
      async () =>
        expect(await sinkOf(service)).toMatchObject({
          state: 'disabled',
          reason: 'the receiver answered 410 Gone',
        }),
      WITHIN,
    );
    receiver.answer = (response) => void response.writeHead(204).end();
    const { length } = receiver.received;
    await put(service, 'b.txt');
    expect((await call(service, 'POST', '/event-sinks/hook/enable')).status).toBe(200);
    const names = () =>
      receiver.received.slice(length).map(({ body }) => (JSON.parse(body) as Event).data.name);
    await vi.waitFor(
      () => expect(names().filter((name) => name !== undefined)).toEqual(['a.txt', 'b.txt']),
      WITHIN,
    );
    await call(service, 'POST', '/event-sinks/hook/disable');
    expect(await sinkOf(service)).toMatchObject({
      state: 'disabled',
      reason: 'disabled by an administrator',
    });
  });
});

test('kill -9 in the middle of 2000 events loses none, and each file is told of in order', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-killed-'));
  try {
    let service = await start({ dataDir });
    const uids = await Promise.all(Array.from({ length: FILES }, (_, i) => put(service, `f${i}-0.txt`)));
    const done = new Map(uids.map((uid) => [uid, 0]));
    const rename = async (uid: string, until: number) => {
      for (let step = (done.get(uid) ?? 0) + 1; step <= until; step++) {
        const answer = await call(service, 'PATCH', `/files/${uid}`, { name: `n-${step}.txt` }).catch(
          () => undefined,
        );
        if (answer?.status !== 200) return;
        done.set(uid, step);
      }
    };
    const working = Promise.all(uids.map((uid) => rename(uid, RENAMES)));
    await vi.waitFor(() => expect(seen().length).toBeGreaterThan(400), { timeout: 60_000, interval: 10 });
    await service.kill();
    await working;
    const acknowledged = [...done.values()].reduce((sum, step) => sum + step, 0);
    expect(acknowledged).toBeLessThan(FILES * RENAMES);
    service = await start({ dataDir });
    await Promise.all(uids.map((uid) => rename(uid, RENAMES)));
    expect([...done.values()].every((step) => step === RENAMES)).toBe(true);
    await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ lag: 0, waiting: 0 }), {
      timeout: 60_000,
    });
    for (const uid of uids) {
      const names = seen()
        .filter(({ subject, type }) => subject === uid && type === 'osproxy.file.renamed')
        .map(({ data }) => data.name);
      // A rename whose answer was cut off may have happened; it is then told of once, and not again by the repetition.
      expect([...new Set(names)]).toEqual(Array.from({ length: RENAMES }, (_, i) => `n-${i + 1}.txt`));
    }
    const ready = seen().filter(({ type }) => type === 'osproxy.file.ready');
    expect(new Set(ready.map(({ subject }) => subject))).toEqual(new Set(uids));
  } finally {
    await Promise.all(services.map((service) => service.kill()));
    await rm(dataDir, { recursive: true, force: true });
  }
}, 180_000);
