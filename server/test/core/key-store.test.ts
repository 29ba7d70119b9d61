import { afterEach, beforeEach, expect, it } from 'vitest';
import { authorOf } from '#core/access.ts';
import type { ServicePrincipal } from '#core/model/principal.ts';
import { chunksOf, openRig, owner, type Rig, some } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig({ rules: [{ match: { owner: 'a' }, store: 'main', thenTransferTo: 'main' }] });
});
afterEach(() => rig.close());

const withStore = (store: string): ServicePrincipal => ({ ...owner, store });

async function storesOf(uid: string): Promise<(string | undefined)[]> {
  const content = await rig.metadata.files.content(uid);
  return content?.parts.flatMap(({ placements }) => placements.map((one) => one.store)) ?? [];
}

it('what a key with a store sends goes there, past every rule, and is not transferred on', async () => {
  const author = authorOf(withStore('other'));
  const whole = await rig.uploads.writeFile({ ...author, name: 'a.bin' }, chunksOf(some(100)));
  expect(await storesOf(whole.uid)).toEqual(['other']);
  const upload = await rig.uploads.create({ ...author, name: 'b.bin' });
  expect(upload).toMatchObject({ store: 'other', transferTo: undefined });
  await rig.uploads.writePart(upload.uid, 1, chunksOf(some(100)), {});
  await rig.uploads.complete(upload.uid);
  expect(await storesOf(upload.uid)).toEqual(['other']);
  const plain = await rig.uploads.create({ ...authorOf(owner), name: 'c.bin' });
  expect(plain).toMatchObject({ store: 'main', transferTo: 'main' });
});

it('it may read what lies elsewhere', async () => {
  const file = await rig.uploads.writeFile({ ...authorOf(owner), name: 'a.bin' }, chunksOf(some(100)));
  expect(await storesOf(file.uid)).toEqual(['main']);
  expect((await rig.files.findReadable(withStore('other'), file.uid)).file.uid).toBe(file.uid);
});

it('nothing is stored where the store of the key is gone, and the answer does not name it', async () => {
  const author = authorOf(withStore('vanished'));
  const made = [
    rig.uploads.create({ ...author, name: 'a.bin' }),
    rig.uploads.createMany([{ ...author, name: 'a.bin' }]),
    rig.uploads.writeFile({ ...author, name: 'a.bin' }, chunksOf(some(100))),
  ];
  for (const one of await Promise.allSettled(made)) {
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'Conflict' } });
    expect(one.status === 'rejected' && String(one.reason)).not.toContain('vanished');
  }
});
