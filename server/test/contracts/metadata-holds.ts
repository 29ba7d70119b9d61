import { describe, expect, it } from 'vitest';
import { decideHold, type Verdict } from '#core/holds.ts';
import type { HoldRecord } from '#core/model/hold.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, putFile, sampleFile, write } from './metadata-samples.ts';

export function holdsContract({ metadata, openAnother }: Fixture): void {
  const hold = (values: Partial<HoldRecord> = {}): HoldRecord => ({
    uid: newId(),
    type: 'scan',
    since: NOW,
    reason: undefined,
    ...values,
  });
  const insert = (...holds: readonly HoldRecord[]) =>
    write(metadata(), async (r) => {
      for (const one of holds) await r.holds.insert(one);
    });
  /** A complete file that these types hold. */
  const held = async (...types: readonly string[]) => {
    const { file, manifest } = await putFile(metadata(), { state: 'held' });
    await insert(...types.map((type) => hold({ uid: file.uid, type })));
    return { file, manifest };
  };
  const decide = (from: Metadata, uid: string, type: string, verdict: Verdict) =>
    write(from, (r) => decideHold(r, { uid, type }, verdict, NOW + 1));
  const stateOf = async (uid: string) => (await metadata().files.find(uid))?.state;
  const told = async (uid: string) => {
    await write(metadata(), ({ events }) => events.sequence(1000));
    const events = await metadata().events.after(undefined, 1000);
    return events.filter(({ subject }) => subject === uid).map(({ type }) => type);
  };

  describe('holds', () => {
    it('keeps every field, once per file and type', async () => {
      const uid = newId();
      const [scan, own] = [hold({ uid }), hold({ uid, type: 'own', since: NOW + 5 })];
      await insert(own, scan);
      expect(await metadata().holds.of(uid)).toEqual([own, scan]);
      await expect(insert(scan)).rejects.toMatchObject({ code: 'AlreadyExists' });
      await write(metadata(), (r) => r.holds.explain(uid, 'scan', 'too large 😀'));
      expect(await metadata().holds.of(uid)).toEqual([own, { ...scan, reason: 'too large 😀' }]);
      expect(await write(metadata(), (r) => r.holds.lock(uid))).toHaveLength(2);
      await write(metadata(), (r) => r.holds.remove(uid, 'own'));
      expect((await metadata().holds.of(uid)).map(({ type }) => type)).toEqual(['scan']);
      await insert(own);
      await write(metadata(), (r) => r.holds.remove(uid));
      await write(metadata(), (r) => r.holds.remove(uid, 'scan'));
      expect(await metadata().holds.of(uid)).toEqual([]);
    });

    it('lists them by file and type, page by page', async () => {
      const uids = [newId(), newId(), newId()];
      const all = uids.flatMap((uid) => ['a', 'b', 'c'].map((type) => hold({ uid, type })));
      await insert(...all.toReversed());
      const listed: HoldRecord[] = [];
      for (let after: HoldRecord | undefined; ; ) {
        const page = await metadata().holds.list(after, 2);
        listed.push(...page);
        after = page.at(-1);
        if (after === undefined) break;
      }
      expect(listed).toEqual(all);
      const of = (count: number) => ['a', 'b', 'c'].map((type) => ({ type, count }));
      expect(await metadata().holds.counts(100)).toEqual(of(3));
      expect(await metadata().holds.counts(6)).toEqual(of(2));
    });

    it('a held file is there in every way but readable: found, listed, its bytes kept and not offered', async () => {
      const { file, manifest } = await held('scan');
      const { holds: _holds, files, manifests, placements } = metadata();
      expect((await files.content(file.uid))?.file.state).toBe('held');
      const page = { after: undefined, limit: 10, namePrefix: undefined };
      expect((await files.list({ ...page, owner: file.owner })).map(({ state }) => state)).toEqual(['held']);
      expect((await files.scan(undefined, 10)).map(({ state }) => state)).toEqual(['held']);
      const { sha256 = '', size } = manifest;
      for (const owner of [file.owner, undefined])
        expect(await manifests.findVerified({ sha256 }, size, { owner })).toEqual([]);
      expect(await manifests.findVerified({ sha256 }, size)).toEqual([manifest]);
      expect(await placements.naming([manifest.parts[0]?.blobId ?? ''])).toHaveLength(1);
      await write(metadata(), (r) => r.manifests.markIdle(manifest.id, NOW));
      expect(await manifests.findVerified({ sha256 }, size)).toEqual([manifest]);
      await write(metadata(), (r) => r.manifests.removeIdle(NOW + 1, 10));
      expect(await manifests.find(manifest.id)).toEqual(manifest);
      await decide(metadata(), file.uid, 'scan', { yes: true });
      for (const owner of [file.owner, undefined])
        expect(await manifests.findVerified({ sha256 }, size, { owner })).toEqual([manifest]);
    });

    it('is swapped, verified and rejected like one that is ready', async () => {
      const { file, manifest } = await held('scan');
      const sha256 = manifest.sha256 ?? '';
      await write(metadata(), async ({ files }) => {
        const digests = { sha256, md5: undefined, sha1: undefined };
        expect(await files.markVerified(file.uid, manifest.id, digests, NOW)).toBe(true);
        expect(await files.swapManifest(file.uid, manifest.id, manifest, NOW)).toBe(true);
        expect((await files.lock(file.uid))?.state).toBe('held');
        expect(await files.markRejected(file.uid, manifest.id, 'why', NOW)).toBe(true);
        expect(await files.release(file.uid, NOW)).toBe(false);
        expect(await files.lock(newId())).toBeUndefined();
      });
    });

    it('becomes ready with the last yes, and is told once', async () => {
      const { file } = await held('scan', 'own');
      await decide(metadata(), file.uid, 'own', { yes: true });
      await decide(metadata(), file.uid, 'own', { yes: true });
      expect(await stateOf(file.uid)).toBe('held');
      expect(await told(file.uid)).toEqual([]);
      await decide(metadata(), file.uid, 'scan', { yes: true });
      await decide(metadata(), file.uid, 'scan', { no: 'late' });
      expect(await metadata().files.find(file.uid)).toMatchObject({ state: 'ready', updatedAt: NOW + 1 });
      expect(await told(file.uid)).toEqual(['file.ready']);
    });

    it('one no is enough', async () => {
      const { file } = await held('scan', 'own');
      await decide(metadata(), file.uid, 'own', { no: 'It is ugly.' });
      await decide(metadata(), file.uid, 'scan', { yes: true });
      expect(await metadata().files.find(file.uid)).toMatchObject({
        state: 'rejected',
        rejectedReason: 'It is ugly.',
      });
      expect(await metadata().holds.of(file.uid)).toEqual([]);
      expect(await told(file.uid)).toEqual(['file.rejected']);
    });

    it('is left to people where nobody can decide', async () => {
      const { file } = await held('scan');
      await decide(metadata(), file.uid, 'scan', { undecided: 'too large' });
      expect(await stateOf(file.uid)).toBe('held');
      expect(await metadata().holds.of(file.uid)).toMatchObject([{ type: 'scan', reason: 'too large' }]);
    });

    it('of a file that is gone decides nothing', async () => {
      const file = sampleFile({ state: 'deleted', deletedAt: NOW });
      await write(metadata(), (r) => r.files.insert(file));
      await insert(hold({ uid: file.uid }));
      await decide(metadata(), file.uid, 'scan', { yes: true });
      await insert(hold({ uid: file.uid }));
      await decide(metadata(), file.uid, 'scan', { no: 'x' });
      expect(await stateOf(file.uid)).toBe('deleted');
      expect(await told(file.uid)).toEqual([]);
    });

    it('two that say yes at once make it ready, once', async () => {
      const other = await openAnother();
      for (let round = 0; round < 10; round += 1) {
        const { file } = await held('scan', 'own');
        await Promise.all([
          decide(metadata(), file.uid, 'scan', { yes: true }),
          decide(other, file.uid, 'own', { yes: true }),
        ]);
        expect(await stateOf(file.uid)).toBe('ready');
        expect(await told(file.uid)).toEqual(['file.ready']);
      }
    });

    it('a yes, a no and a deletion at once end as one of them', async () => {
      const other = await openAnother();
      for (let round = 0; round < 10; round += 1) {
        const { file } = await held('scan', 'own');
        await Promise.all([
          decide(metadata(), file.uid, 'scan', { yes: true }),
          decide(other, file.uid, 'own', { no: 'no' }),
          write(other, async (r) => {
            if (await r.files.markDeleted(file.uid, NOW)) await r.holds.remove(file.uid);
          }),
        ]);
        expect(await stateOf(file.uid)).toBe('deleted');
        expect(await metadata().holds.of(file.uid)).toEqual([]);
        expect([[], ['file.rejected']]).toContainEqual(await told(file.uid));
      }
    });
  });
}
