import { describe, expect, it } from 'vitest';
import type { ScrubFinding, ScrubRecord } from '#core/model/scrub.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, write } from './metadata-samples.ts';

function sampleScrub(values: Partial<ScrubRecord> = {}): ScrubRecord {
  return {
    ...{ store: 'main', node: undefined, round: 1, startedAt: NOW, endedAt: undefined, lastBlob: newId() },
    ...{ afterBlob: undefined, blobs: 0, bytes: 0, repaired: 0, damaged: 0, skipped: 0, trouble: undefined },
    ...{ requestedAt: undefined, updatedAt: NOW },
    ...values,
  };
}

function sampleFinding(values: Partial<ScrubFinding> = {}): ScrubFinding {
  return {
    ...{ store: 'main', node: undefined, key: newId(), blobId: newId(), kind: 'damaged', reason: 'bad' },
    ...{ lost: true, round: 1, retryAt: NOW, foundAt: NOW },
    ...values,
  };
}

export function scrubsContract({ metadata }: Fixture): void {
  const put = (finding: ScrubFinding) => write(metadata(), ({ scrubs }) => scrubs.putFinding(finding));
  const all = () => metadata().scrubs.findings(10);

  describe('scrubs', () => {
    it('keeps every field of a store and of each node, and what was asked for beside it', async () => {
      const shared = sampleScrub();
      const own = sampleScrub({
        ...{ node: 'n1', round: 3, endedAt: NOW + 1, afterBlob: '7', blobs: 1, bytes: 2 ** 50, repaired: 2 },
        ...{ damaged: 3, skipped: 4, trouble: 'away' },
      });
      await write(metadata(), async ({ scrubs }) => {
        await scrubs.save(own);
        await scrubs.save(shared);
      });
      expect(await metadata().scrubs.list()).toEqual([shared, own]);
      expect(await metadata().scrubs.find('main', 'n1')).toEqual(own);
      expect(await metadata().scrubs.find('other', undefined)).toBeUndefined();
      expect(await write(metadata(), ({ scrubs }) => scrubs.request(NOW + 5))).toBe(1);
      await write(metadata(), ({ scrubs }) => scrubs.save({ ...own, round: 4, trouble: undefined }));
      expect(await metadata().scrubs.find('main', 'n1')).toEqual({
        ...own,
        ...{ round: 4, trouble: undefined, requestedAt: NOW + 5 },
      });
      expect((await metadata().scrubs.find('main', undefined))?.requestedAt).toBeUndefined();
    });

    it('says once that a content is lost, and keeps when it was found', async () => {
      const finding = sampleFinding({ lost: false });
      expect(await put(finding)).toBe(false);
      expect(await put({ ...finding, lost: true, round: 2, foundAt: NOW + 9 })).toBe(true);
      expect(await put({ ...finding, lost: true, round: 3, retryAt: NOW + 5, reason: 'worse' })).toBe(false);
      expect(await all()).toEqual([
        { ...finding, lost: true, round: 3, retryAt: NOW + 5, reason: 'worse', foundAt: NOW },
      ]);
      expect(await put(sampleFinding({ key: 'new' }))).toBe(true);
    });

    it('finds what is due at one place, what of a blob is lost, and forgets', async () => {
      const here = { node: 'n1' };
      const [late, early] = [sampleFinding({ ...here, retryAt: NOW + 2 }), sampleFinding(here)];
      const waiting = sampleFinding({ blobId: early.blobId, lost: false, round: 2 });
      for (const finding of [late, early, waiting]) await put(finding);
      const due = (now: number, node?: string, limit = 10) =>
        metadata().scrubs.dueFindings('main', node, now, limit);
      expect(await due(NOW + 2, 'n1')).toEqual([early, late]);
      expect(await due(NOW + 2, 'n1', 1)).toEqual([early]);
      expect(await due(NOW + 1)).toEqual([waiting]);
      expect(await due(NOW - 1)).toEqual([]);
      const { store, node, key } = early;
      expect(await metadata().scrubs.lost(early.blobId)).toEqual([{ store, node, key }]);
      const counts = (await metadata().scrubs.counts()).toSorted((a, b) => a.count - b.count);
      expect(counts).toEqual([
        { store: 'main', lost: false, count: 1 },
        { store: 'main', lost: true, count: 2 },
      ]);
      await write(metadata(), ({ scrubs }) => scrubs.removeFindingsBefore('main', undefined, 2));
      expect(await all()).toHaveLength(3);
      await write(metadata(), ({ scrubs }) => scrubs.removeFindingsBefore('main', 'n1', 2));
      expect(await all()).toEqual([waiting]);
      await put(early);
      await write(metadata(), ({ scrubs }) => scrubs.removeFinding(store, key));
      expect(await all()).toEqual([waiting]);
      await write(metadata(), ({ scrubs }) => scrubs.forgetBlob(waiting.blobId));
      expect(await all()).toEqual([]);
    });
  });
}
