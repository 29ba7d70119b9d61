import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chunksOf, md5, openRig, type Rig, sha256 } from './rig.ts';

const content = randomBytes(300_000);
const sha1 = createHash('sha1').update(content).digest('hex');
const parts = [content.subarray(0, 100_000), content.subarray(100_000)];

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const write = (withSha1?: boolean) =>
  rig.uploads.writeFile({ owner: 'a', name: 'n.bin', withSha1 }, chunksOf(content));
const bySha1 = (size?: number) => rig.metadata.manifests.findVerified({ sha1 }, size);

async function begun(): Promise<string> {
  const { uid } = await rig.uploads.create({ owner: 'a', name: 'n.bin' });
  for (const [at, part] of parts.entries()) await rig.uploads.writePart(uid, at + 1, chunksOf(part), {});
  return uid;
}

it('is computed only where it is asked for, and then known of the content from then on', async () => {
  const { manifestId } = await write();
  expect(await bySha1()).toEqual([]);
  expect((await write(true)).manifestId).toBe(manifestId);
  expect(await bySha1()).toMatchObject([{ id: manifestId, sha1, sha256: sha256(content) }]);
  await write();
  expect(await bySha1(content.length)).toHaveLength(1);
  expect(await bySha1(content.length - 1)).toEqual([]);
  const claim = { owner: 'a', name: 'again.bin', sha1 };
  expect(await rig.instant.claim(claim)).toMatchObject({ manifestId, verified: true });
  expect(await rig.instant.claim({ ...claim, owner: 'b' })).toBeUndefined();
  expect(await rig.instant.claim({ ...claim, md5: md5(randomBytes(3)) })).toBeUndefined();
});

it('of parts makes a file that is verified when it is complete', async () => {
  const uid = await begun();
  const hashed = await rig.uploads.hashParts(uid, { size: content.length }, { sha1: true }, undefined);
  expect(hashed.digests).toEqual({ size: content.length, sha1, sha256: sha256(content), md5: md5(content) });
  await expect(rig.uploads.complete(uid, { hashed, sha256: sha256(randomBytes(3)) })).rejects.toMatchObject({
    code: 'ChecksumMismatch',
  });
  const file = await rig.uploads.complete(uid, { hashed });
  expect(file).toMatchObject({ verified: true, sha256: sha256(content), state: 'ready' });
  expect(await bySha1()).toMatchObject([{ id: file.manifestId }]);
  expect(await rig.metadata.tasks.list({ type: 'compose' }, 1)).toEqual([]);
  expect(await rig.read(uid)).toEqual(content);
  expect(await rig.uploads.complete(uid, { hashed })).toEqual(file);
});

it('of parts is computed without what nobody needs', async () => {
  const uid = await begun();
  expect((await rig.uploads.hashParts(uid, {}, { sha1: false }, undefined)).digests.sha1).toBeUndefined();
});

it('of parts that were replaced meanwhile counts for nothing', async () => {
  const uid = await begun();
  const hashed = await rig.uploads.hashParts(uid, {}, { sha1: true }, undefined);
  await rig.uploads.writePart(uid, 2, chunksOf(randomBytes(10)), {});
  await expect(rig.uploads.complete(uid, { hashed })).rejects.toMatchObject({ code: 'Conflict' });
  const again = await rig.uploads.hashParts(uid, {}, { sha1: true }, undefined);
  await expect(rig.uploads.complete(uid, { hashed: again })).resolves.toMatchObject({ verified: true });
});

it('of parts is refused as completion would be', async () => {
  const { uid } = await rig.uploads.create({ owner: 'a', name: 'n.bin' });
  await rig.uploads.writePart(uid, 2, chunksOf(content), {});
  const hash = (wanted: string, size?: number) =>
    rig.uploads.hashParts(wanted, { size }, { sha1: true }, undefined);
  await expect(hash(uid)).rejects.toMatchObject({ code: 'InvalidArgument', details: { missing: [1] } });
  await expect(hash('4711')).rejects.toMatchObject({ code: 'NotFound' });
  const whole = await begun();
  await expect(hash(whole, 5)).rejects.toMatchObject({ code: 'InvalidArgument' });
  await rig.uploads.abort(whole);
  await expect(hash(whole)).rejects.toMatchObject({ code: 'Expired' });
});

it('of parts that are counted from another number, under a name that comes last', async () => {
  const text = [Buffer.from('<p>first'), Buffer.from(' and second</p>')];
  const { uid } = await rig.uploads.create({ owner: 'a', name: 'not known yet', size: 23 });
  for (const [at, part] of text.entries()) await rig.uploads.writePart(uid, at + 2, chunksOf(part), {});
  const request = { firstPart: 2, parts: 2, name: 'page.html' };
  const { signal } = new AbortController();
  await expect(rig.uploads.hashParts(uid, {}, { sha1: true }, signal)).rejects.toMatchObject({
    details: { missing: [1] },
  });
  for (const wrong of [
    { ...request, parts: 1 },
    { ...request, parts: 3 },
    { ...request, firstPart: 3 },
  ]) {
    const hashing = rig.uploads.hashParts(uid, wrong, { sha1: true }, signal);
    await expect(hashing).rejects.toMatchObject({ code: 'InvalidArgument' });
  }
  const hashed = await rig.uploads.hashParts(uid, request, { sha1: true }, signal);
  await expect(rig.uploads.complete(uid, { ...request, name: '\n', hashed })).rejects.toMatchObject({
    code: 'InvalidArgument',
  });
  const file = await rig.uploads.complete(uid, { ...request, hashed });
  expect(file).toMatchObject({ name: 'page.html', contentType: 'text/html', verified: true });
  expect(await rig.read(uid)).toEqual(Buffer.concat(text));
});
