import { describe, expect, it } from 'vitest';
import type { FileRecord } from '#core/model/file.ts';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  newId,
  putFile,
  sampleBlob,
  sampleFile,
  sampleLink,
  sampleManifest,
  samplePlacement,
  sha256Of,
  write,
} from './metadata-samples.ts';

const NAMES = ['报告 最终.pdf', '😀👩‍👩‍👧.png', `it's "quoted"; drop table files;--`, 'x'.repeat(1000)];

export function filesContract({ metadata }: Fixture): void {
  const insert = (file: FileRecord) => write(metadata(), ({ files }) => files.insert(file));

  describe('files', () => {
    it('keeps every field, the largest uid and size, and any name', async () => {
      const full = sampleFile({
        uid: '9223372036854775807',
        name: NAMES[0] ?? '',
        size: Number.MAX_SAFE_INTEGER,
        state: 'rejected',
        rejectedReason: 'The content has another digest.',
        generation: 3,
        linkEpoch: 4,
        md5: 'a'.repeat(32),
        sha256: sha256Of('x'),
        verified: true,
        deletedAt: NOW + 5,
      });
      await insert(full);
      expect(await metadata().files.find(full.uid)).toEqual(full);
      const smallest = sampleFile({ uid: '1' });
      await insert(smallest);
      expect(await metadata().files.find('1')).toEqual(smallest);
      for (const name of NAMES) {
        const file = sampleFile({ name });
        await insert(file);
        expect((await metadata().files.find(file.uid))?.name).toBe(name);
      }
      expect(await metadata().files.find(newId())).toBeUndefined();
    });

    it('refuses a taken uid', async () => {
      const file = sampleFile();
      await insert(file);
      await expect(insert(sampleFile({ uid: file.uid }))).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    it('finds several at once and leaves out absent ones', async () => {
      const files = [sampleFile(), sampleFile(), sampleFile()];
      for (const file of files) await insert(file);
      const found = await metadata().files.findMany([...files.map((file) => file.uid), newId()]);
      expect(found.map((file) => file.uid).sort()).toEqual(files.map((file) => file.uid).sort());
      expect(await metadata().files.findMany([])).toEqual([]);
      const many = Array.from({ length: 1001 }, newId);
      await expect(metadata().files.findMany(many)).rejects.toMatchObject({ code: 'InvalidArgument' });
      expect(await metadata().files.findMany(many.slice(1))).toEqual([]);
    });

    it('gives the content with parts in order and every placement', async () => {
      const blobs = [sampleBlob(), sampleBlob({ size: 20 })];
      const [one, two] = blobs as [(typeof blobs)[0], (typeof blobs)[0]];
      const near = samplePlacement({ node: 'node-1' });
      const far = samplePlacement({ store: 'archive' });
      const manifest = sampleManifest([two, one, two]);
      const file = sampleFile({ manifestId: manifest.id, size: 50 });
      await write(metadata(), async (repositories) => {
        await repositories.blobs.insert(one, near);
        await repositories.blobs.addPlacement(one.id, far);
        await repositories.blobs.insert(two, samplePlacement({ key: 'k2' }));
        await repositories.manifests.insert(manifest);
        await repositories.files.insert(file);
      });
      const content = await metadata().files.content(file.uid);
      expect(content?.file).toEqual(file);
      expect(content?.parts.map((part) => [part.blobId, part.size])).toEqual([
        [two.id, 20],
        [one.id, 10],
        [two.id, 20],
      ]);
      expect(content?.parts[1]?.placements).toEqual([near, far]);
    });

    it('gives the content of an empty file, of a manifest of 10 000 parts, and of a rejected file', async () => {
      const empty = sampleManifest([]);
      const blob = sampleBlob({ size: 1 });
      const long = sampleManifest(Array.from({ length: 10_000 }, () => blob));
      const files = [empty, long].map((manifest) =>
        sampleFile({ manifestId: manifest.id, size: manifest.size }),
      ) as [FileRecord, FileRecord];
      await write(metadata(), async (repositories) => {
        await repositories.blobs.insert(blob, samplePlacement());
        for (const manifest of [empty, long]) await repositories.manifests.insert(manifest);
        for (const file of files) await repositories.files.insert(file);
      });
      expect((await metadata().files.content(files[0].uid))?.parts).toEqual([]);
      expect((await metadata().files.content(files[1].uid))?.parts).toHaveLength(10_000);
      await write(metadata(), (r) => r.files.markRejected(files[1].uid, long.id, 'bad', NOW));
      expect((await metadata().files.content(files[1].uid))?.file.rejectedReason).toBe('bad');
    });

    it('gives no content for absent and deleted files', async () => {
      const { file } = await putFile(metadata());
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await metadata().files.content(file.uid)).toBeUndefined();
      expect(await metadata().files.content(newId())).toBeUndefined();
    });

    it('never passes off a ready file whose parts are damaged', async () => {
      const { file } = await putFile(metadata(), { size: 11 });
      await expect(metadata().files.content(file.uid)).rejects.toMatchObject({ code: 'Internal' });
    });

    it('lists 1200 files by keyset, newest uid first, each once', async () => {
      const uids: string[] = [];
      await write(metadata(), async ({ files }) => {
        for (let i = 0; i < 1200; i++) {
          const file = sampleFile({ owner: i % 2 === 0 ? 'even' : 'odd' });
          uids.push(file.uid);
          await files.insert(file);
        }
      });
      for (const owner of ['even', undefined]) {
        const seen: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await metadata().files.list({ owner, after, limit: 100, namePrefix: undefined });
          seen.push(...page.map((file) => file.uid));
          after = page.at(-1)?.uid;
          if (page.length < 100) break;
        }
        const expected = uids.filter((_, i) => owner === undefined || i % 2 === 0).reverse();
        expect(seen).toEqual(expected);
      }
      const all = { owner: undefined, limit: 1000, namePrefix: undefined };
      const between = await metadata().files.list({ ...all, after: uids[20], above: uids[10] });
      expect(between.map((file) => file.uid)).toEqual(uids.slice(11, 20).reverse());
      const scanned: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await metadata().files.scan(after, 500);
        scanned.push(...page.map((file) => file.uid));
        after = page.at(-1)?.uid;
        if (page.length === 0) break;
      }
      expect(scanned).toEqual(uids);
    });

    it('takes a name prefix literally', async () => {
      const names = [
        '100%.txt',
        '100x.txt',
        'a_b',
        'axb',
        'c\\d',
        'cd',
        'Abc',
        'abc',
        '😀 one',
        '😁 two',
        '报告',
        '报表',
      ];
      for (const name of names) await insert(sampleFile({ name }));
      const list = async (namePrefix: string) =>
        (await metadata().files.list({ owner: 'owner', after: undefined, limit: 1000, namePrefix })).map(
          (file) => file.name,
        );
      expect(await list('100%')).toEqual(['100%.txt']);
      expect(await list('a_')).toEqual(['a_b']);
      expect(await list('c\\')).toEqual(['c\\d']);
      expect(await list('A')).toEqual(['Abc']);
      expect(await list('😀')).toEqual(['😀 one']);
      expect(await list('报')).toEqual(['报表', '报告']);
      expect(await list('%')).toEqual([]);
      expect(await list('')).toHaveLength(names.length);
    });

    it('lists and scans ready and rejected files only', async () => {
      const states = ['ready', 'rejected', 'deleted'] as const;
      for (const state of states) await insert(sampleFile({ state, name: state }));
      const page = await metadata().files.list({
        owner: undefined,
        after: undefined,
        limit: 10,
        namePrefix: undefined,
      });
      expect(page.map((file) => file.state)).toEqual(['rejected', 'ready']);
      expect((await metadata().files.scan(undefined, 10)).map((file) => file.state)).toEqual([
        'ready',
        'rejected',
      ]);
    });

    it('renames, deletes once and raises the link epoch', async () => {
      const file = sampleFile();
      await insert(file);
      await write(metadata(), async ({ files }) => {
        await files.rename(file.uid, 'new.txt', 'text/plain', NOW + 1);
        await files.bumpLinkEpoch(file.uid, NOW + 2);
        await files.bumpLinkEpoch(file.uid, NOW + 3);
      });
      const renamed = {
        ...file,
        name: 'new.txt',
        contentType: 'text/plain',
        linkEpoch: 2,
        updatedAt: NOW + 3,
      };
      expect(await metadata().files.find(file.uid)).toEqual(renamed);
      const remove = (at: number) => write(metadata(), ({ files }) => files.markDeleted(file.uid, at));
      expect(await remove(NOW + 4)).toBe(true);
      expect(await remove(NOW + 5)).toBe(false);
      expect(await metadata().files.find(file.uid)).toMatchObject({ state: 'deleted', deletedAt: NOW + 4 });
    });

    it('swaps a manifest only while the file is ready and has the old one', async () => {
      const { file, manifest } = await putFile(metadata());
      const next = sampleManifest([sampleBlob()], {
        verified: true,
        sha256: sha256Of('n'),
        md5: 'b'.repeat(32),
      });
      const swap = (from: string) =>
        write(metadata(), ({ files }) => files.swapManifest(file.uid, from, next, NOW + 1));
      expect(await swap(newId())).toBe(false);
      expect(await swap(manifest.id)).toBe(true);
      expect(await swap(manifest.id)).toBe(false);
      const { md5, sha256, verified } = next;
      expect(await metadata().files.find(file.uid)).toEqual({
        ...file,
        ...{ md5, sha256, verified },
        manifestId: next.id,
        updatedAt: NOW + 1,
      });
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await swap(next.id)).toBe(false);
    });

    it('writes what verification found into file and manifest', async () => {
      const blob = sampleBlob();
      const manifest = sampleManifest([blob]);
      const file = sampleFile({ manifestId: manifest.id, size: blob.size, md5: 'c'.repeat(32) });
      await write(metadata(), async ({ files, manifests }) => {
        await manifests.insert(manifest);
        await files.insert(file);
      });
      const digests = { sha256: sha256Of('v'), md5: undefined, sha1: 'd'.repeat(40) };
      const verify = (id: string) =>
        write(metadata(), ({ files }) => files.markVerified(file.uid, id, digests, NOW + 1));
      expect(await verify(newId())).toBe(false);
      expect((await metadata().manifests.find(manifest.id))?.verified).toBe(false);
      expect(await verify(manifest.id)).toBe(true);
      const { sha256, md5 } = digests;
      const found = { sha256, md5, verified: true };
      expect(await metadata().files.find(file.uid)).toEqual({ ...file, ...found, updatedAt: NOW + 1 });
      expect(await metadata().manifests.find(manifest.id)).toEqual({
        ...manifest,
        ...digests,
        verified: true,
      });
      const reject = () =>
        write(metadata(), ({ files }) => files.markRejected(file.uid, manifest.id, 'why', NOW));
      expect(await reject()).toBe(true);
      expect(await reject()).toBe(false);
      expect(await verify(manifest.id)).toBe(false);
    });

    it('removes files deleted long enough ago, with their links', async () => {
      const files = [NOW, NOW + 1, NOW + 2].map((deletedAt) => sampleFile({ state: 'deleted', deletedAt }));
      const kept = sampleFile();
      const links = [...files, kept].map((file) => sampleLink({ uid: file.uid }));
      await write(metadata(), async (repositories) => {
        for (const file of [...files, kept]) await repositories.files.insert(file);
        for (const link of links) await repositories.links.insert(link);
      });
      const remove = (limit: number) => write(metadata(), (r) => r.files.removeDeleted(NOW + 1, limit));
      expect(await remove(1)).toBe(1);
      expect(await remove(10)).toBe(1);
      expect(await remove(10)).toBe(0);
      const left = await metadata().files.findMany([...files, kept].map((file) => file.uid));
      expect(left.map((file) => file.uid).sort()).toEqual([files[2]?.uid, kept.uid].sort());
      const found = await Promise.all(links.map((link) => metadata().links.find(link.id)));
      expect(found.map((link) => link !== undefined)).toEqual([false, false, true, true]);
    });
  });
}
