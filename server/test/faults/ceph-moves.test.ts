import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#test/e2e/stores/two-stores.ts';
import { withService } from '#test/services/shared.ts';
import { type CephPlace, openCephPlace } from './ceph-place.ts';
import { bytesOf, type Content, Random, sha256Of, testSeed } from './random.ts';

const MIB = 1024 * 1024;
const READERS = 4;
const BYTES_PER_SECOND = 12 * MIB;

interface Counted {
  readonly files: number;
  readonly objects: number;
  readonly bytes: number;
}

interface Move {
  readonly id: string;
  readonly state: string;
  readonly total?: Counted;
  readonly done: Counted;
  readonly failedObjects: number;
}

interface Stored {
  readonly uid: string;
  readonly sha256: string;
}

await withService('ceph-rgw', (access) => {
  const random = new Random(testSeed());
  let place: CephPlace;
  const files: Stored[] = [];

  beforeAll(async () => {
    place = await openCephPlace(access, { defaultStore: 'disk' });
  }, 120_000);
  afterAll(() => place?.close());

  const content = (size: number): Content => ({ seed: random.between(1, 2 ** 40), size });
  const store = async (name: string, parts: readonly Content[]) => {
    const bytes = parts.map(bytesOf);
    const [only] = bytes;
    const { uid } =
      parts.length === 1 && only !== undefined
        ? await place.client.put(name, only)
        : await place.client.putParts(bytes, { name });
    files.push({ uid, sha256: sha256Of(Buffer.concat(bytes)) });
    return uid;
  };
  const moveOf = async (id: string) =>
    (await place.client.call('GET', `/moves/${id}`)).json as unknown as Move;
  const allIntact = async () => {
    for (const { uid, sha256 } of files) {
      const { status, bytes } = await place.client.content(uid);
      expect([uid, status, sha256Of(bytes)]).toEqual([uid, 200, sha256]);
    }
  };

  /** Runs beside the work; `excused` tells that the service or the store may just be away. */
  const readAndWriteMeanwhile = async (excused: () => boolean, work: () => Promise<void>) => {
    const counts = { reads: 0, uploads: 0, excused: 0 };
    let running = true;
    const failed = (what: string, wasExcused: boolean) => {
      if (!wasExcused && !excused()) throw new Error(what);
      counts.excused += 1;
    };
    const reader = async (start: number) => {
      for (let at = start; running; at += READERS) {
        const file = files[at % files.length] as Stored;
        const before = excused();
        const answer = await place.client.content(file.uid).catch(() => undefined);
        counts.reads += 1;
        if (answer?.status !== 200) {
          failed(`reading ${file.uid}: ${answer?.status} ${answer?.bytes.subarray(0, 300)}`, before);
          await sleep(20);
        } else if (sha256Of(answer.bytes) !== file.sha256)
          throw new Error(`${file.uid} came with other bytes`);
      }
    };
    const uploader = async () => {
      while (running) {
        const before = excused();
        await store('new.bin', [content(random.between(1, 200_000))]).then(
          () => {
            counts.uploads += 1;
          },
          (error: unknown) => failed(String(error), before),
        );
        await sleep(100);
      }
    };
    const beside = Promise.all([...Array.from({ length: READERS }, (_, index) => reader(index)), uploader()]);
    try {
      await Promise.race([work(), beside]);
    } finally {
      running = false;
    }
    await beside;
    return counts;
  };

  test.each([
    ['disk', 'ceph'],
    ['ceph', 'disk'],
  ])(
    'a move from %s to %s survives kills and a bad network while files are read and written',
    {
      timeout: 240_000,
    },
    async (from, to) => {
      if (files.length === 0) {
        for (let index = 0; index < 60; index += 1)
          await store(`file-${index}.bin`, [content(random.between(0, 300_000))]);
        for (const mib of [9, 12]) await store('large.bin', [content(mib * MIB)]);
        const twin = content(6 * MIB);
        await store('parts.bin', [twin, content(6 * MIB), content(3 * MIB + 1)]);
        await store('twin.bin', [twin]);
        for (const { uid } of files) await place.verified(uid);
      }
      const created = await place.client.call('POST', '/moves', {
        json: { from, to, bytesPerSecond: BYTES_PER_SECOND },
      });
      expect(created.status).toBe(201);
      const { id } = created.json;
      let away = false;
      const counts = await readAndWriteMeanwhile(
        () => away,
        async () => {
          for (let kill = 0; kill < 2; kill += 1) {
            const before = (await moveOf(id)).done.objects;
            await until('it goes on', async () => {
              const { done, state } = await moveOf(id);
              return state === 'done' || done.objects > before + 3;
            });
            away = true;
            await place.service.kill();
            await place.restart();
            away = false;
            await sleep(500);
          }
          away = true;
          const afterBytes = random.between(100, 2 * MIB);
          place.proxy.set({ breaking: { direction: 'up', how: 'reset', afterBytes, times: 8 } });
          await sleep(1500);
          place.proxy.set({});
          await until('it is done', async () => {
            const { state, failedObjects } = await moveOf(id);
            if (state === 'done' && failedObjects > 0) await place.client.call('POST', `/moves/${id}/resume`);
            return state === 'done' && failedObjects === 0;
          });
        },
      );
      console.log(`${from} to ${to}: ${JSON.stringify(counts)}`);
      expect(counts.reads).toBeGreaterThan(20);
      expect(counts.uploads).toBeGreaterThan(0);
      const move = await moveOf(id);
      expect(move.done).toEqual(move.total);
      expect(move.total?.objects).toBeGreaterThan(60);
      const report = await place.command('stores', 'moves', id);
      expect([report.code, report.out]).toEqual([0, expect.stringContaining('done')]);
      await allIntact();
      await place.onlyNamed();
      await place.cleanFsck();
    },
  );
});
