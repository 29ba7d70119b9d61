import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { some, until } from '#test/e2e/stores/two-stores.ts';
import { withService } from '#test/services/shared.ts';
import { type CephPlace, openCephPlace } from './ceph-place.ts';
import { scrubEnded, scrubReport } from './scrub-rounds.ts';

const SIZE = 2_000_000;

await withService('ceph-rgw', (access) => {
  let place: CephPlace;
  beforeAll(async () => {
    place = await openCephPlace(access, {
      graceSeconds: 3600,
      yaml: 'scrub: { stores: [ceph, disk], mibPerSecond: 10 }',
    });
  }, 120_000);
  afterAll(() => place?.close());

  const report = () => scrubReport(place);
  const ended = (round: number) => scrubEnded(place, round);

  test('objects that went bad in a bucket are mended from a disk, through kill -9 and an outage', {
    timeout: 180_000,
  }, async () => {
    await ended(1);
    const contents = new Map<string, Buffer>();
    for (let i = 0; i < 12; i += 1) {
      const bytes = some(SIZE + i);
      contents.set((await place.client.put(`f${i}`, bytes)).uid, bytes);
    }
    const [node] = await place.query("select node from store_marks where store = 'disk'");
    const rows = await place.query(
      "select p.blob_id, p.key, b.size from placements p join blobs b on b.id = p.blob_id where p.store = 'ceph'",
    );
    const bySize = new Map([...contents.values()].map((bytes) => [bytes.length, bytes]));
    for (const [index, { blob_id, key, size }] of rows.entries()) {
      const bytes = bySize.get(Number(size)) ?? Buffer.alloc(0);
      const path = join(place.dataDir, 'disk', 'objects', String(key));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
      await place.execute(
        `insert into placements (store, node, key, blob_id) values ('disk', '${node?.node}', '${key}', ${blob_id})`,
      );
      const at = { Bucket: place.bucket, Key: String(key) };
      const flipped = Buffer.from(bytes);
      flipped[index] = (flipped[index] ?? 0) ^ 1;
      if (index % 3 === 0) await place.s3.send(new DeleteObjectCommand(at));
      else if (index % 3 === 1) await place.s3.send(new PutObjectCommand({ ...at, Body: flipped }));
      else if (index > 6) await place.s3.send(new PutObjectCommand({ ...at, Body: bytes.subarray(9) }));
    }
    await place.client.call('POST', '/scrub');
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await place.service.kill();
    await place.proxy.refuse();
    await place.restart();
    await place.client.call('POST', '/scrub');
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect((await report()).findings).toEqual([]);
    await place.proxy.accept();
    await until(
      'the bucket is whole',
      async () => {
        await place.client.call('POST', '/scrub');
        const { stores } = await report();
        const ceph = stores.find((one) => one.store === 'ceph');
        return ceph !== undefined && ceph.round >= 3 && ceph.endedAt !== undefined && ceph.repaired === 0;
      },
      90_000,
    );
    expect((await report()).findings).toEqual([]);
    for (const [uid, bytes] of contents)
      expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    const copies = await place.query('select count(*) as n from placements where blob_id is not null');
    expect(Number(copies[0]?.n)).toBe(2 * contents.size);
    await place.cleanFsck();
  });
});
