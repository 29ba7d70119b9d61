import sharp from 'sharp';
import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { OsproxyError } from '#core/errors.ts';
import { Holds } from '#core/holds.ts';
import { Thumbnails } from '#core/media/thumbnails.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { film, jpegOf, jpegPage, svg, truncated } from './hostile-images.ts';
import {
  changed,
  chunksOf,
  HOUR_MS,
  openRig,
  owner,
  type Rig,
  type RigOptions,
  readAll,
  sha256,
  some,
} from './rig.ts';

let rig: Rig;
const open = async (options: RigOptions = {}) => {
  rig = await openRig({ media: { probes: true }, ...options });
};
afterEach(() => rig.close());

const file = (bytes: Uint8Array, name = 'a.jpg') =>
  rig.uploads.writeFile({ owner: 'a', name }, chunksOf(bytes));
const recordOf = (bytes: Uint8Array) => rig.metadata.media.find(`${sha256(bytes)}:${bytes.length}`);
const probed = async (bytes: Uint8Array) => {
  await expect.poll(() => recordOf(bytes), { timeout: 20_000 }).toBeDefined();
  return recordOf(bytes);
};
const { signal } = new AbortController();
const thumbnail = async (uid: string, box = 64, by: Pick<Thumbnails, 'find'> = rig.media.thumbnails) => {
  const content = await rig.files.findReadable(owner, uid);
  const picture = await by.find(content, { box, format: 'webp' }, signal);
  const body = await rig.downloads.read(picture, undefined, undefined);
  return readAll(body.chunks);
};
const attempts = async () =>
  (await rig.metadata.tasks.list({ type: 'probe' }, 100)).map(({ state }) => state);

describe('probe', () => {
  it('follows from a file that is ready; equal contents are looked at once, other files not at all', async () => {
    await open();
    await rig.startRunner();
    const image = await jpegOf();
    const first = await file(image);
    await file(some(100), 'b.bin');
    expect(await probed(image)).toMatchObject({
      ...{ uid: first.uid, refusal: undefined },
      facts: { format: 'jpeg', width: 400, height: 300, durationMs: undefined },
    });
    const at = (await recordOf(image))?.probedAt;
    await file(image, 'again.jpg');
    await expect.poll(attempts, { timeout: 20_000 }).toEqual(['done', 'done']);
    expect((await recordOf(image))?.probedAt).toBe(at);
  });

  it('of an upload in parts waits until its content is verified', async () => {
    await open();
    await rig.startRunner();
    const image = await jpegOf(800, 600);
    const upload = await rig.uploads.create({ owner: 'a', name: 'p.jpg', notBefore: 0 } as never);
    const half = image.length >> 1;
    await rig.uploads.writePart(upload.uid, 1, chunksOf(image.subarray(0, half)), {});
    await rig.uploads.writePart(upload.uid, 2, chunksOf(image.subarray(half)), {});
    await rig.uploads.complete(upload.uid);
    expect((await probed(image))?.facts).toMatchObject({ width: 800, height: 600 });
  });

  it('says what films are, and refuses what attacks, with its reason', async () => {
    await open();
    await rig.startRunner();
    const movie = film({ seconds: 7, width: 320, height: 200, bytes: 100_000 });
    await file(movie, 'f.mp4');
    expect((await probed(movie))?.facts).toMatchObject({ width: 320, height: 200, durationMs: 7000 });
    for (const [bytes, reason] of [
      [await truncated('jpeg'), 'damaged'],
      [await jpegPage(), 'disguised'],
      [svg, 'unsupported'],
    ] as const) {
      await file(bytes, 'x.svg');
      expect((await probed(bytes))?.refusal).toMatchObject({ reason });
    }
  });

  it('goes with the last file that has the content; a refusal can be looked at again', async () => {
    await open({ graceMs: -1000 });
    await rig.startRunner();
    const broken = await truncated('png');
    const { uid } = await file(broken, 'x.png');
    await probed(broken);
    expect(await rig.mediaBoard.refused('time', 10)).toEqual([]);
    expect(await rig.mediaBoard.refused(undefined, 10)).toMatchObject([
      { uid, refusal: { reason: 'damaged' } },
    ]);
    const before = (await recordOf(broken))?.probedAt ?? 0;
    expect(await rig.mediaBoard.redrive('damaged', COMMAND)).toBe(1);
    await expect
      .poll(async () => (await recordOf(broken))?.probedAt ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(before);
    await rig.files.delete({ ...owner, scopes: new Set(['delete']) } as never, uid);
    await rig.purge();
    expect(await recordOf(broken)).toBeUndefined();
  });
});

describe('thumbnails', () => {
  it('are made once, however many ask, in this process and in others', async () => {
    const puts: string[] = [];
    await open({
      wrap: (driver: StorageDriver) =>
        changed(driver, {
          put: (key, ...rest) => {
            puts.push(key);
            return driver.put(key, ...rest);
          },
        }),
    });
    const { uid } = await file(await jpegOf());
    expect(puts).toHaveLength(1);
    const another = () =>
      new Thumbnails({ ...rig, tools: rig.media.tools, thumbnails: { sizes: [64], store: undefined } });
    const makers = [rig.media.thumbnails, another(), another()];
    const pictures = await Promise.all(
      Array.from({ length: 50 }, (_, i) => thumbnail(uid, 64, makers[i % 3])),
    );
    expect(new Set(pictures.map((bytes) => sha256(bytes))).size).toBe(1);
    expect(await sharp(pictures[0]).metadata()).toMatchObject({ format: 'webp', width: 64, height: 48 });
    expect(puts).toHaveLength(2);
    await thumbnail(uid, 256);
    expect(puts).toHaveLength(3);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
  });

  it('stay through purges and go with the content', async () => {
    await open({ graceMs: -1000 });
    const { uid } = await file(await jpegOf());
    const first = await thumbnail(uid);
    await rig.purge();
    await rig.purge();
    expect((await thumbnail(uid)).equals(first)).toBe(true);
    expect(await rig.keysIn()).toHaveLength(2);
    await rig.files.delete(owner, uid);
    await rig.purge();
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
    expect((await rig.fsck({ graceMs: -1000 })).findings).toEqual([]);
  });

  it('that were lost are made again', async () => {
    await open();
    const image = await jpegOf();
    const { uid } = await file(image);
    const first = await thumbnail(uid);
    const kept = await rig.metadata.blobs.findLive(sha256(first), first.length);
    await rig.store.delete(kept?.placements[0]?.key ?? '');
    expect((await rig.fsck({ repair: true })).findings).toMatchObject([{ kind: 'bytes-missing' }]);
    expect((await thumbnail(uid)).equals(first)).toBe(true);
    expect((await rig.fsck({ deep: true })).findings).toEqual([]);
  });

  it('are refused with a reason, at once the second time', async () => {
    await open();
    const { uid } = await file(await truncated('jpeg'));
    await expect(thumbnail(uid)).rejects.toMatchObject({
      code: 'Unsupported',
      details: { reason: 'damaged' },
    });
    await rig.media.tools.close();
    await expect(thumbnail(uid, 256)).rejects.toMatchObject({
      code: 'Unsupported',
      details: { reason: 'damaged' },
    });
    const text = await file(some(10), 'a.txt');
    await expect(thumbnail(text.uid)).rejects.toMatchObject({
      code: 'Unsupported',
      details: { reason: 'unsupported' },
    });
    const good = await file(await jpegOf());
    await expect(thumbnail(good.uid, 65)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  it('wait for a store that is away, and for a content that is not verified', async () => {
    let away = false;
    await open({
      wrap: (driver) =>
        changed(driver, {
          open: async (...args) => {
            if (away) throw new OsproxyError('Unavailable', 'away');
            return driver.open(...args);
          },
        }),
    });
    const { uid } = await file(await jpegOf());
    away = true;
    await expect(thumbnail(uid)).rejects.toMatchObject({ code: 'Unavailable' });
    away = false;
    expect((await thumbnail(uid)).length).toBeGreaterThan(0);
    const upload = await rig.uploads.create({ owner: 'a', name: 'p.jpg', notBefore: 0 } as never);
    await rig.uploads.writePart(upload.uid, 1, chunksOf(await jpegOf(50, 50)), {});
    await rig.uploads.writePart(upload.uid, 2, chunksOf(some(9)), {});
    await rig.uploads.complete(upload.uid);
    await expect(thumbnail(upload.uid)).rejects.toMatchObject({ code: 'Conflict', retryable: true });
  });

  it('of a file that is held back are refused, and made when it is let go', async () => {
    const schema = Type.Object({ uid: Type.String() });
    const handle = async () => 'done' as const;
    const on = [{ event: 'file.ready', holds: true }] as const;
    await open({ types: () => [{ type: 'check', schema, on, handle }] });
    const { uid } = await file(await jpegOf());
    await expect(thumbnail(uid)).rejects.toMatchObject({ code: 'Locked' });
    await rig.runTask('probe', { uid });
    expect(await rig.metadata.media.refused('damaged', undefined, 10)).toEqual([]);
    await new Holds(rig).release(uid, COMMAND);
    expect((await thumbnail(uid)).length).toBeGreaterThan(0);
  });

  it('of a file that is gone meanwhile are not kept', async () => {
    await open({ graceMs: -1000 });
    const { uid } = await file(await jpegOf());
    const content = await rig.files.findReadable(owner, uid);
    await rig.files.delete(owner, uid);
    await rig.metadata.transaction((r) => r.manifests.removeIdle(rig.clock.now() + HOUR_MS, 10));
    await expect(
      rig.media.thumbnails.find(content, { box: 64, format: 'webp' }, signal),
    ).rejects.toMatchObject({ code: 'NotFound' });
    rig.clock.offset += HOUR_MS;
    await rig.purge();
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
  });

  it('are all made at once where that is wished for', async () => {
    await open({ media: { probes: true, eager: true } });
    await rig.startRunner();
    const image = await jpegOf();
    await file(image);
    await expect.poll(async () => (await rig.blobs()).length, { timeout: 20_000 }).toBe(3);
  });
});
