import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Downloads } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Placement } from '#core/model/blob.ts';
import type { StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { Stores } from '#core/stores.ts';
import { MemoryDriver } from '#drivers/storage/memory/memory-driver.ts';
import { changed, readAll, some, sourceOf } from './rig.ts';

type Fault = 'none' | 'refuses' | 'missing' | 'other size' | 'throws' | 'ends early' | 'gives more';

/** A store of one object that misbehaves after `after` bytes of what is asked. */
async function faulty(bytes: Buffer, fault: Fault, after: number, state: { opened: number; open: number }) {
  const memory = new MemoryDriver();
  await memory.put('k', sourceOf(bytes));
  const open: StorageDriver['open'] = async (key, range, options) => {
    state.opened += 1;
    if (fault === 'refuses') throw new OsproxyError('Unavailable', 'The store is down.');
    if (fault === 'missing') throw new OsproxyError('NotFound', 'No such object.');
    const object = await memory.open(key, range, options);
    state.open += 1;
    let live = true;
    const end = () => {
      if (live) state.open -= 1;
      live = false;
    };
    const all = Buffer.from(object.bytes ?? []);
    const chunks = (async function* () {
      try {
        const limit = fault === 'throws' || fault === 'ends early' ? Math.min(after, all.length) : all.length;
        for (let at = 0; at < limit; at += 7) yield all.subarray(at, Math.min(at + 7, limit));
        if (fault === 'throws' && limit < all.length) throw new Error('The store broke off.');
        if (fault === 'gives more') yield Buffer.from('more');
      } finally {
        end();
      }
    })();
    const seen: StoredObject = {
      size: fault === 'other size' ? object.size + 1 : object.size,
      chunks,
      close: async () => end(),
    };
    return seen;
  };
  return changed(memory, { open });
}

const at = (store: string, key = 'k'): Placement => ({ store, node: undefined, key });
const contentOf = (size: number, placements: readonly Placement[]) => ({
  file: { size },
  parts: [{ blobId: '1', size, placements }],
});

describe('reads with several placements', () => {
  const faults = fc.constantFrom<Fault>(
    'refuses',
    'missing',
    'other size',
    'throws',
    'ends early',
    'gives more',
  );

  it('give exactly the bytes whatever the other stores do, and leave nothing open', async () => {
    const scenario = fc.record({
      size: fc.integer({ min: 1, max: 200 }),
      bad: fc.array(fc.record({ fault: faults, after: fc.nat(200) }), { maxLength: 3 }),
      from: fc.nat(),
      to: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ size, bad, from, to }) => {
        const bytes = some(size);
        const state = { opened: 0, open: 0 };
        const drivers = new Map<string, StorageDriver>();
        for (const [index, { fault, after }] of bad.entries()) {
          drivers.set(`bad${index}`, await faulty(bytes, fault, after, state));
        }
        drivers.set('good', await faulty(bytes, 'none', 0, state));
        const names = [...drivers.keys()];
        const downloads = new Downloads(new Stores(drivers, 'good', 'n1'));
        const offset = from % size;
        const length = 1 + (to % (size - offset));
        const content = contentOf(
          size,
          names.map((name) => at(name)),
        );
        const body = await downloads.read(content, { offset, length }, undefined);
        // A store that gives more than was asked is noticed only after the last byte, which cannot be taken back.
        const late = bad.some(({ fault }) => fault === 'gives more');
        const read = await readAll(body.chunks).catch((error: unknown) => {
          if (late) return undefined;
          throw error;
        });
        if (read !== undefined) expect(read.equals(bytes.subarray(offset, offset + length))).toBe(true);
        expect(state.open).toBe(0);
      }),
    );
  });

  it('fail when no placement is left, having given only right bytes', async () => {
    const bytes = some(100);
    const state = { opened: 0, open: 0 };
    const drivers = new Map([
      ['a', await faulty(bytes, 'throws', 30, state)],
      ['b', await faulty(bytes, 'ends early', 20, state)],
    ]);
    const body = await new Downloads(new Stores(drivers, 'a', 'n1')).read(
      contentOf(100, [at('a'), at('b')]),
      undefined,
      undefined,
    );
    const read: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of body.chunks) read.push(Buffer.from(chunk));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'Internal' });
    expect(Buffer.concat(read).equals(bytes.subarray(0, 50))).toBe(true);
    expect(state.open).toBe(0);
  });

  it('begin with a store that works for some seconds after one has failed', async () => {
    const bytes = some(100);
    const [bad, good] = [
      { opened: 0, open: 0 },
      { opened: 0, open: 0 },
    ];
    const drivers = new Map([
      ['bad', await faulty(bytes, 'throws', 10, bad)],
      ['good', await faulty(bytes, 'none', 0, good)],
    ]);
    const downloads = new Downloads(new Stores(drivers, 'good', 'n1'));
    for (let i = 0; i < 10; i += 1) {
      const body = await downloads.read(contentOf(100, [at('bad'), at('good')]), undefined, undefined);
      expect((await readAll(body.chunks)).equals(bytes)).toBe(true);
    }
    expect([bad.opened, good.opened]).toEqual([1, 10]);
    // Where there is no other, the sick one is still asked.
    const alone = await downloads.read(contentOf(100, [at('bad')]), undefined, undefined);
    await expect(readAll(alone.chunks)).rejects.toThrowError();
    expect(bad.opened).toBe(2);
  });

  it('do not hold a missing object against the store', async () => {
    const bytes = some(10);
    const [bad, good] = [
      { opened: 0, open: 0 },
      { opened: 0, open: 0 },
    ];
    const drivers = new Map([
      ['bad', await faulty(bytes, 'missing', 0, bad)],
      ['good', await faulty(bytes, 'none', 0, good)],
    ]);
    const downloads = new Downloads(new Stores(drivers, 'good', 'n1'));
    for (let i = 0; i < 3; i += 1) {
      const body = await downloads.read(contentOf(10, [at('bad'), at('good')]), undefined, undefined);
      await readAll(body.chunks);
    }
    expect(bad.opened).toBe(3);
  });

  it('ask the database where a blob is now when what they know is out of date', async () => {
    const bytes = some(50);
    const store = new MemoryDriver();
    await store.put('new', sourceOf(bytes));
    let asked = 0;
    const blob = { id: '1', sha256: '', md5: undefined, sha1: undefined, size: 50, createdAt: 0 };
    const blobs = {
      find: async () => {
        asked += 1;
        return { ...blob, placements: [at('s', 'new')] };
      },
    };
    const metadata = { blobs } as unknown as ConstructorParameters<typeof Downloads>[1];
    const downloads = new Downloads(new Stores(new Map([['s', store]]), 's', 'n1'), metadata);
    const body = await downloads.read(contentOf(50, [at('s', 'old')]), undefined, undefined);
    expect((await readAll(body.chunks)).equals(bytes)).toBe(true);
    expect(asked).toBe(1);
    await store.delete('new');
    const gone = downloads.read(contentOf(50, [at('s', 'old')]), undefined, undefined);
    await expect(gone).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('stop when the reader is gone, without trying the next store', async () => {
    const bytes = some(100);
    const state = { opened: 0, open: 0 };
    const stop = new AbortController();
    const first = await faulty(bytes, 'throws', 10, state);
    const second = { opened: 0, open: 0 };
    const drivers = new Map([
      ['a', first],
      ['b', await faulty(bytes, 'none', 0, second)],
    ]);
    const downloads = new Downloads(new Stores(drivers, 'a', 'n1'));
    const body = await downloads.read(contentOf(100, [at('a'), at('b')]), undefined, stop.signal);
    const reading = (async () => {
      for await (const _chunk of body.chunks) stop.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
    expect([state.open, second.opened]).toEqual([0, 0]);
  });
});
