import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { osproxy } from '#test/faults/store-folder.ts';
import { Clamd, EICAR } from '#test/services/clamd.ts';
import { withService } from '#test/services/shared.ts';
import { Client, dataOf, failedDownload, md5Of, succeeded } from '../osproxy-v0/client.ts';
import { hex, RestClient, random } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

const WITHIN = { timeout: 60_000, interval: 50 };
const MIB = 1024 * 1024;

interface Held {
  readonly held: readonly { readonly file: { readonly uid: string }; readonly reason?: string }[];
}

await withService('clamd', () => {
  let clamd: Clamd;
  let service: RunningService;
  let rest: RestClient;
  let v0: Client;

  const env = () => ({
    OSPROXY_SCAN_ADDRESS: clamd.address,
    OSPROXY_SCAN_MAX_SIZE_MIB: '2',
    OSPROXY_TASKS_LEASE_SECONDS: '5',
  });
  const connect = () => {
    rest = new RestClient(service.url, service.apiKey);
    v0 = new Client(service.url, service.apiKey);
  };
  beforeAll(async () => {
    clamd = await Clamd.start();
    service = await startService({ env: env() });
    connect();
  });
  afterAll(async () => {
    rest?.close();
    await service?.close();
    await clamd?.stop();
  });

  const state = async (uid: string) => (await rest.call('GET', `/files/${uid}`)).json.state;
  const becomes = (uid: string, wanted: string) =>
    vi.waitFor(async () => expect(await state(uid)).toBe(wanted), WITHIN);
  const heldOf = async (uid: string) => {
    const { json } = await rest.call('GET', '/held?limit=1000');
    return (json as unknown as Held).held.filter(({ file }) => file.uid === uid);
  };
  /** Types of what was told of a file, in order. */
  const told = async (uid: string): Promise<string[]> => {
    const { bytes } = await rest.call('GET', '/events?follow=false&types=file.*', {
      headers: { 'last-event-id': '0' },
    });
    const data = bytes.toString().match(/^data: .*$/gm) ?? [];
    const events = data.map((line) => JSON.parse(line.slice(6)) as { type: string; subject: string });
    return events.filter(({ subject }) => subject === uid).map(({ type }) => type.replace('osproxy.', ''));
  };

  describe('with a scanner that works', () => {
    test('a clean file can be read when it was scanned, one with a virus never', async () => {
      const bytes = random(MIB);
      const clean = await rest.put('clean.bin', bytes);
      expect(clean.state).toBe('held');
      await becomes(clean.uid, 'ready');
      expect((await rest.content(clean.uid)).bytes).toEqual(bytes);
      await vi.waitFor(
        async () => expect(await told(clean.uid)).toEqual(['file.held', 'file.ready']),
        WITHIN,
      );
      const bad = await rest.put('bad.bin', Buffer.concat([random(1000), EICAR]));
      await becomes(bad.uid, 'rejected');
      const refused = await rest.content(bad.uid);
      expect(refused.status).toBe(409);
      expect(refused.json.detail).toContain('A virus scanner found "Eicar-Test-Signature.UNOFFICIAL" in it.');
      await vi.waitFor(
        async () => expect(await told(bad.uid)).toEqual(['file.held', 'file.rejected']),
        WITHIN,
      );
      expect((await rest.call('DELETE', `/files/${bad.uid}`)).status).toBe(204);
    });

    test('a file in parts is scanned as a whole', async () => {
      const halves = [
        Buffer.concat([random(1000), EICAR.subarray(0, 30)]),
        Buffer.concat([EICAR.subarray(30), random(1000)]),
      ];
      const bad = await rest.putParts(halves, { name: 'bad.mp4' });
      expect(bad.state).toBe('held');
      await becomes(bad.uid, 'rejected');
      const good = await rest.putParts([random(1000), random(1000)], { name: 'good.mp4' });
      await becomes(good.uid, 'ready');
      expect((await rest.settled(good.uid)).verified).toBe(true);
    });

    test('what comes by the v0 wire is scanned', async () => {
      const bytes = Buffer.concat([random(100), EICAR]);
      const uid = await v0.upload('bad.txt', bytes);
      const link = await v0.downloadLink(uid);
      await vi.waitFor(async () => {
        await failedDownload(await v0.download(link), 409, /A virus scanner found/);
      }, WITHIN);
      const good = await v0.upload('good.txt', Buffer.from('good'));
      await vi.waitFor(async () => expect(await v0.bytesOf(good)).toEqual(Buffer.from('good')), WITHIN);
    });

    test('a copy of what was found clean before is scanned again', async () => {
      const bytes = random(2000);
      const first = await rest.put('a.bin', bytes);
      await becomes(first.uid, 'ready');
      const json = { name: 'b.bin', sha256: hex('sha256', bytes), size: bytes.length };
      const instant = await rest.call('POST', '/uploads', { json });
      expect(instant.json).toMatchObject({ state: 'completed', file: { state: 'held' } });
      await becomes(instant.json.uid, 'ready');
    });

    test('one that is too large waits for people, who decide by API or command', async () => {
      const [first, second] = [
        await rest.put('a.iso', random(3 * MIB)),
        await rest.put('b.iso', random(3 * MIB)),
      ];
      for (const { uid } of [first, second])
        await vi.waitFor(
          async () =>
            expect(await heldOf(uid)).toMatchObject([
              { reason: 'It is too large to be scanned for viruses.' },
            ]),
          WITHIN,
        );
      const listed = await osproxy(['files', 'held'], service.place, service.dataDir);
      expect(listed.out).toContain(first.uid);
      expect(listed.out).toContain('too large');
      const released = await rest.call('POST', `/files/${first.uid}/release`);
      expect(released.json.state).toBe('ready');
      expect((await rest.content(first.uid)).bytes).toHaveLength(3 * MIB);
      expect((await rest.call('POST', `/files/${first.uid}/release`)).status).toBe(409);
      const args = ['files', 'reject', second.uid, '--reason', 'Nobody knows it.'];
      const rejected = await osproxy(args, service.place, service.dataDir);
      expect(rejected.out).toContain(`File ${second.uid} ("b.iso") is rejected.`);
      await vi.waitFor(async () => {
        const refused = await rest.content(second.uid);
        expect([refused.status, refused.json.detail]).toEqual([
          409,
          'This file cannot be read: Nobody knows it.',
        ]);
      }, WITHIN);
    });
  });

  describe('without an answer from the scanner', () => {
    test('nothing of a held file can be had by any way, and all is well when it answers again', async () => {
      await clamd.kill();
      const bytes = random(5000);
      const { uid, state: first } = await rest.put('a.bin', bytes);
      expect(first).toBe('held');
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/^osproxy_files_held\{type="scan"\} 1$/m);
      const refused = await rest.content(uid);
      expect(refused.status).toBe(423);
      expect(refused.headers['retry-after']).toBe('10');
      expect(refused.json).toMatchObject({ code: 'Locked', retryable: true });
      expect((await rest.content(uid, { range: 'bytes=0-9' })).status).toBe(423);
      expect((await rest.call('HEAD', `/files/${uid}/content`)).status).toBe(423);
      const { json: link } = await rest.call('POST', `/files/${uid}/links`, { json: { maxUses: 1 } });
      const nobody = new RestClient(service.url);
      const byLink = () => nobody.content(uid, {}, `?link=${link.token}`);
      for (let asked = 0; asked < 2; asked += 1) expect((await byLink()).status).toBe(423);
      const { json: listed } = await rest.call('GET', '/files?limit=1');
      expect(listed.files).toMatchObject([{ uid, state: 'held' }]);
      const json = { name: 'b.bin', sha256: hex('sha256', bytes), size: bytes.length };
      expect((await rest.call('POST', '/uploads', { json })).json.state).toBe('open');
      const data = [{ md5: md5Of(bytes), path: 'again.bin' }];
      expect(dataOf(await v0.post<{ uid: string }[]>('/resume', { data }))[0]?.uid).toBe('');
      const v0Link = await v0.uploadLink('whole.bin');
      succeeded(await v0.single(v0Link, bytes));
      const v0Parts = await v0.uploadLink('parts.bin');
      await v0.uploadMulti(v0Parts, bytes);
      for (const one of [v0Link, v0Parts])
        await failedDownload(await v0.download(await v0.downloadLink(one.uid)), 423, /held back/);
      const doctor = await osproxy(['doctor'], { ...service.place, ...env() }, service.dataDir);
      expect(doctor.out).toMatch(/virus scanner.*cannot be reached/);
      expect((await rest.call('PATCH', `/files/${uid}`, { json: { name: 'c.bin' } })).json.state).toBe(
        'held',
      );
      await clamd.start();
      for (const one of [uid, v0Link.uid, v0Parts.uid]) await becomes(one, 'ready');
      expect((await byLink()).bytes).toEqual(bytes);
      expect((await byLink()).status).toBe(410);
      nobody.close();
    }, 120_000);

    test('a file is scanned after a crash between its upload and its scan', async () => {
      clamd.freeze();
      const [clean, bad] = [await rest.put('a.bin', random(100)), await rest.put('b.bin', EICAR)];
      await service.kill();
      clamd.thaw();
      service = await startService({ env: env(), dataDir: service.dataDir });
      rest.close();
      connect();
      await becomes(clean.uid, 'ready');
      await becomes(bad.uid, 'rejected');
    }, 120_000);

    test('a file that is deleted meanwhile is gone, and nothing waits for it', async () => {
      clamd.freeze();
      const { uid } = await rest.put('a.bin', random(100));
      expect((await rest.call('DELETE', `/files/${uid}`)).status).toBe(204);
      expect(await heldOf(uid)).toEqual([]);
      clamd.thaw();
      expect((await rest.content(uid)).status).toBe(404);
      expect((await rest.call('POST', `/files/${uid}/release`)).status).toBe(404);
    });

    test('other work goes on beside scans that hang', async () => {
      clamd.freeze();
      try {
        const { uid } = await rest.putParts([random(1000), random(1000)], { name: 'a.mp4' });
        for (let more = 0; more < 5; more += 1) await rest.put('more.bin', random(100));
        // It is verified by a task that would have to wait for a place.
        expect((await rest.settled(uid)).verified).toBe(true);
      } finally {
        clamd.thaw();
      }
    });
  });
});
