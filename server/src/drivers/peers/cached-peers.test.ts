import { expect, test } from 'vitest';
import type { Peers } from '#core/ports/peers.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { randomBytes, readAll, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { MemoryDriver } from '../storage/memory/memory-driver.ts';
import { cachedPeers } from './cached-peers.ts';

const KIB = 1024;

/** Two nodes that each have a store called "disk", and what was opened on which of them. */
function observed() {
  const disks = new Map([
    ['a', new MemoryDriver()],
    ['b', new MemoryDriver()],
  ]);
  const opened: string[] = [];
  const diskOf = (node: string): StorageDriver => disks.get(node) ?? new MemoryDriver();
  const peers: Peers = {
    storeOf: (node) => ({
      open(key, ...rest) {
        opened.push(`${node}/${key}`);
        return diskOf(node).open(key, ...rest);
      },
      stat: (...call) => diskOf(node).stat(...call),
      delete: (...call) => diskOf(node).delete(...call),
    }),
    close: async () => {},
  };
  return { diskOf, opened, cached: cachedPeers(peers, { maxBytes: 64 * KIB, maxObjectBytes: 10 * KIB }) };
}

test('a small object of another node is fetched once; one of the same key on a third node is another object', async () => {
  const { diskOf, opened, cached } = observed();
  const [ofA, ofB] = [Buffer.from(randomBytes(KIB)), Buffer.from(randomBytes(KIB))];
  await diskOf('a').put('key', sourceOf(ofA));
  await diskOf('b').put('key', sourceOf(ofB));
  for (const _time of [1, 2, 3]) {
    expect((await readAll(cached.storeOf('a', 'disk'), 'key')).equals(ofA)).toBe(true);
    expect((await readAll(cached.storeOf('b', 'disk'), 'key')).equals(ofB)).toBe(true);
  }
  expect(opened).toEqual(['a/key', 'b/key']);
});

test('a large object is fetched each time, and a deleted one is forgotten', async () => {
  const { diskOf, opened, cached } = observed();
  const store = cached.storeOf('a', 'disk');
  await diskOf('a').put('large', sourceOf(randomBytes(10 * KIB + 1)));
  await diskOf('a').put('small', sourceOf(randomBytes(KIB)));
  await readAll(store, 'large');
  await readAll(store, 'large');
  await readAll(store, 'small');
  await store.delete('small');
  await expect(store.open('small')).rejects.toMatchObject({ code: 'NotFound' });
  expect(opened).toEqual(['a/large', 'a/large', 'a/small', 'a/small']);
});
