import { describe, expect, it } from 'vitest';
import type { MediaRecord } from '#core/model/media.ts';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  newId,
  sampleBlob,
  sampleManifest,
  samplePlacement,
  sha256Of,
  write,
} from './metadata-samples.ts';

const FACTS = { format: 'jpeg', width: 30, height: 20, durationMs: 1500 };

function sampleMedia(values: Partial<MediaRecord> = {}): MediaRecord {
  const identity = `${sha256Of(newId())}:10`;
  return {
    identity,
    uid: newId(),
    probedAt: NOW,
    facts: FACTS,
    refusal: undefined,
    ...values,
  } as MediaRecord;
}

export function mediaContract({ metadata, openAnother }: Fixture): void {
  const put = (record: MediaRecord) => write(metadata(), ({ media }) => media.put(record));
  const insertBlob = async () => {
    const [blob, placement] = [sampleBlob(), samplePlacement()];
    await write(metadata(), ({ blobs }) => blobs.insert(blob, placement));
    return { blob, placement };
  };
  const isIdle = async (id: string) => {
    const { condemned } = await write(metadata(), ({ blobs }) => blobs.condemnIdle(NOW + 9, 10));
    return condemned.some((blob) => blob.id === id);
  };

  describe('media', () => {
    it('keeps what is known about a content, and lets it be known anew', async () => {
      const plain = sampleMedia({
        facts: { format: 'wav', width: undefined, height: undefined, durationMs: 5 },
      } as never);
      const refused = sampleMedia({
        facts: undefined,
        refusal: { reason: 'damaged', message: 'It is broken.' },
      } as never);
      await put(plain);
      await put(refused);
      expect(await metadata().media.find(plain.identity)).toEqual(plain);
      expect(await metadata().media.find(refused.identity)).toEqual(refused);
      expect(await metadata().media.find('none:1')).toBeUndefined();
      const both = await metadata().media.findMany([plain.identity, refused.identity, 'none:1']);
      expect(both).toHaveLength(2);
      expect(await metadata().media.findMany([])).toEqual([]);
      const known = { ...sampleMedia(), identity: refused.identity };
      await put(known);
      expect(await metadata().media.find(refused.identity)).toEqual(known);
      await write(metadata(), ({ media }) => media.forget(plain.identity));
      expect(await metadata().media.find(plain.identity)).toBeUndefined();
    });

    it('walks what was refused for one reason', async () => {
      const refusal = (reason: string) => ({ facts: undefined, refusal: { reason, message: 'm' } }) as never;
      const records = [
        sampleMedia(refusal('time')),
        sampleMedia(refusal('time')),
        sampleMedia(refusal('memory')),
      ];
      for (const record of [...records, sampleMedia()]) await put(record);
      const expected = records.slice(0, 2).toSorted((a, b) => (a.identity < b.identity ? -1 : 1));
      expect(await metadata().media.refused('time', undefined, 10)).toEqual(expected);
      expect(await metadata().media.refused('time', expected[0]?.identity, 10)).toEqual(expected.slice(1));
      expect(await metadata().media.refused('time', undefined, 1)).toEqual(expected.slice(0, 1));
    });

    it('lets one of many make a picture, and the next when that one was too long away', async () => {
      const other = await openAnother();
      const key = { identity: 'a:1', variant: 'webp-64' };
      const take = (one: typeof other, holder: string, now = NOW) =>
        write(one, ({ media }) => media.takeRendition(key, holder, now, now + 10));
      const ends = await Promise.all(
        [metadata(), other, metadata(), other].map((one, i) => take(one, `h${i}`)),
      );
      expect(ends.filter(Boolean)).toHaveLength(1);
      expect(await metadata().media.rendition(key)).toEqual({ blob: undefined });
      expect(await take(other, 'late', NOW + 9)).toBe(false);
      expect(await take(other, 'late', NOW + 10)).toBe(true);
      await write(metadata(), ({ media }) => media.giveUpRendition(key, 'other'));
      expect(await metadata().media.rendition(key)).toEqual({ blob: undefined });
      await write(metadata(), ({ media }) => media.giveUpRendition(key, 'late'));
      expect(await metadata().media.rendition(key)).toBeUndefined();
    });

    it('keeps the blob of a picture until another takes its place', async () => {
      const key = { identity: 'a:2', variant: 'webp-64' };
      const [first, second] = [await insertBlob(), await insertBlob()];
      await write(metadata(), ({ media }) => media.takeRendition(key, 'h', NOW, NOW + 10));
      await write(metadata(), ({ media }) => media.putRendition(key, first.blob.id, NOW));
      expect(await metadata().media.rendition(key)).toEqual({
        blob: { ...first.blob, placements: [first.placement] },
      });
      expect(await write(metadata(), ({ media }) => media.takeRendition(key, 'h', NOW + 99, NOW + 100))).toBe(
        false,
      );
      await write(metadata(), ({ blobs }) => blobs.markIdle([first.blob.id], NOW));
      expect(await isIdle(first.blob.id)).toBe(false);
      await write(metadata(), ({ media }) => media.putRendition(key, second.blob.id, NOW));
      expect(await isIdle(first.blob.id)).toBe(true);
      await write(metadata(), ({ media }) => media.giveUpRendition(key, 'h'));
      await write(metadata(), ({ media }) => media.removeRendition(key, first.blob.id, NOW));
      expect((await metadata().media.rendition(key))?.blob?.id).toBe(second.blob.id);
      await write(metadata(), ({ media }) => media.removeRendition(key, second.blob.id, NOW));
      expect(await metadata().media.rendition(key)).toBeUndefined();
      expect(await isIdle(second.blob.id)).toBe(true);
    });

    it('forgets a content with its last manifest, and leaves its pictures to purge', async () => {
      const { blob } = await insertBlob();
      const picture = await insertBlob();
      const verified = { sha256: blob.sha256, verified: true };
      const manifests = [sampleManifest([blob], verified), sampleManifest([blob], verified)];
      const identity = `${blob.sha256}:${manifests[0]?.size}`;
      const key = { identity, variant: 'webp-64' };
      await write(metadata(), async (r) => {
        for (const manifest of manifests) await r.manifests.insert(manifest);
        expect(await r.manifests.keep(manifests[0]?.id ?? '')).toBe(true);
        expect(await r.manifests.keep(newId())).toBe(false);
        await r.media.put(sampleMedia({ identity }));
        await r.media.putRendition(key, picture.blob.id, NOW);
      });
      const remove = (index: number) =>
        write(metadata(), async (r) => {
          await r.manifests.markIdle(manifests[index]?.id ?? '', NOW);
          await r.manifests.removeIdle(NOW, 10);
        });
      await remove(0);
      expect(await metadata().media.find(identity)).toBeDefined();
      await remove(1);
      expect(await metadata().media.find(identity)).toBeUndefined();
      expect(await metadata().media.rendition(key)).toBeUndefined();
      expect(await isIdle(picture.blob.id)).toBe(true);
    });
  });
}
