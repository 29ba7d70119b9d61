import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Downloads } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import type { FileContent, FileRecord } from '#core/model/file.ts';
import type { StorageDriver, StoredObject } from '#core/ports/storage-driver.ts';
import { Stores } from '#core/stores.ts';
import { MemoryDriver } from '#drivers/storage/memory/memory-driver.ts';
import { changed, readAll, some, sourceOf } from './rig.ts';

/** Counts what is open, and can fail in the middle of an object. */
function watched(inner: StorageDriver, failIn = '') {
  const state = { open: 0, opened: [] as string[] };
  const open: StorageDriver['open'] = async (key, range, options) => {
    const object = await inner.open(key, range, options);
    state.opened.push(key);
    state.open += 1;
    let live = true;
    const end = () => {
      if (live) state.open -= 1;
      live = false;
    };
    const chunks = (async function* () {
      try {
        for await (const chunk of object.chunks) {
          const middle = Math.ceil(chunk.byteLength / 2);
          yield chunk.subarray(0, middle);
          if (key === failIn) throw new OsproxyError('Unavailable', 'The store broke off.');
          yield chunk.subarray(middle);
        }
      } finally {
        end();
      }
    })();
    const watchedObject: StoredObject = {
      size: object.size,
      chunks,
      close: async () => {
        end();
        await object.close();
      },
    };
    return watchedObject;
  };
  return { driver: changed(inner, { open }), state };
}

async function contentOf(driver: StorageDriver, sizes: readonly number[]) {
  const buffers = sizes.map((size) => some(size));
  const parts = [];
  for (const [index, bytes] of buffers.entries()) {
    const key = `p/${index}`;
    await driver.put(key, sourceOf(bytes));
    parts.push({ blobId: key, size: bytes.length, placements: [{ store: 's', node: undefined, key }] });
  }
  const whole = Buffer.concat(buffers);
  const content: FileContent = { file: { size: whole.length } as FileRecord, parts };
  return { content, whole };
}

const storesOf = (driver: StorageDriver) => new Stores(new Map([['s', driver]]), 's', 'n1');

describe('Downloads', () => {
  it('gives exactly the bytes of any range over any parts, and leaves nothing open', async () => {
    const sizes = fc.array(fc.nat(300), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (parts, from, to) => {
        const memory = new MemoryDriver();
        const { driver, state } = watched(memory);
        const { content, whole } = await contentOf(memory, parts);
        fc.pre(whole.length > 0);
        const offset = from % whole.length;
        const length = 1 + (to % (whole.length - offset));
        const body = await new Downloads(storesOf(driver)).read(content, { offset, length }, undefined);
        expect(body.length).toBe(length);
        expect((await readAll(body.chunks)).equals(whole.subarray(offset, offset + length))).toBe(true);
        expect(state.open).toBe(0);
      }),
    );
  });

  it('gives nothing of an empty file, without asking a store', async () => {
    const body = await new Downloads(storesOf(new MemoryDriver())).read(
      { file: { size: 0 } as FileRecord, parts: [] },
      undefined,
      undefined,
    );
    expect([body.length, (await readAll(body.chunks)).length]).toEqual([0, 0]);
    await body.close();
  });

  it('opens exactly the next part ahead', async () => {
    const memory = new MemoryDriver();
    const { driver, state } = watched(memory);
    const { content } = await contentOf(memory, [10, 10, 10, 10]);
    const body = await new Downloads(storesOf(driver)).read(content, undefined, undefined);
    expect(state.opened).toHaveLength(1);
    let read = 0;
    for await (const chunk of body.chunks) {
      const part = Math.floor(read / 10);
      expect(state.opened).toHaveLength(Math.min(part + 2, 4));
      expect(state.open).toBeLessThanOrEqual(2);
      read += chunk.byteLength;
    }
  });

  it.each(['before', 'not started', 'in the middle', 'twice', 'without ending the iteration'])(
    'frees every object when the reader leaves: %s',
    async (when) => {
      const memory = new MemoryDriver();
      const { driver, state } = watched(memory);
      const { content } = await contentOf(memory, [1000, 1000, 1000]);
      const body = await new Downloads(storesOf(driver)).read(content, undefined, undefined);
      const iterator = body.chunks[Symbol.asyncIterator]();
      if (when === 'before' || when === 'twice') await body.close();
      if (when === 'twice') await body.close();
      if (when === 'in the middle' || when.startsWith('without')) await iterator.next();
      if (when === 'not started' || when === 'in the middle') await iterator.return?.();
      if (when.startsWith('without')) await body.close();
      expect(state.open).toBe(0);
    },
  );

  it('throws when a part fails in the middle: it neither pads nor ends early nor leaves the next one open', async () => {
    const memory = new MemoryDriver();
    const { driver, state } = watched(memory, 'p/1');
    const { content } = await contentOf(memory, [100, 100, 100]);
    const body = await new Downloads(storesOf(driver)).read(content, undefined, undefined);
    let read = 0;
    const reading = (async () => {
      for await (const chunk of body.chunks) read += chunk.byteLength;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'Unavailable' });
    expect(read).toBe(150);
    expect(state.open).toBe(0);
  });

  it('throws when a store ends before the recorded size', async () => {
    const memory = new MemoryDriver();
    const { content } = await contentOf(memory, [100, 100]);
    const short: StorageDriver['open'] = async (key, range, options) => {
      const object = await memory.open(key, range, options);
      const chunks = (async function* () {
        for await (const chunk of object.chunks) yield chunk.subarray(0, 60);
      })();
      return { size: object.size, chunks, close: async () => {} };
    };
    const body = await new Downloads(storesOf(changed(memory, { open: short }))).read(
      content,
      undefined,
      undefined,
    );
    await expect(readAll(body.chunks)).rejects.toMatchObject({ code: 'Internal' });
  });

  it('falls over to the next placement that can be read from here', async () => {
    const [near, far] = [new MemoryDriver(), new MemoryDriver()];
    const stores = new Stores(
      new Map([
        ['near', near],
        ['far', far],
      ]),
      'near',
      'n1',
    );
    const bytes = some(50);
    await far.put('good', sourceOf(bytes));
    await near.put('short', sourceOf(bytes.subarray(0, 49)));
    const at = (store: string, key: string, node?: string) => ({ store, node, key });
    const placements = [
      at('gone', 'x'),
      at('near', 'x', 'n2'),
      at('near', 'missing'),
      at('near', 'short'),
      at('far', 'good', 'n1'),
    ];
    const content = { file: { size: 50 } as FileRecord, parts: [{ blobId: '1', size: 50, placements }] };
    const downloads = new Downloads(stores);
    expect((await readAll((await downloads.read(content, undefined, undefined)).chunks)).equals(bytes)).toBe(
      true,
    );
    const lost = { ...content, parts: [{ blobId: '1', size: 50, placements: placements.slice(0, 4) }] };
    await expect(downloads.read(lost, undefined, undefined)).rejects.toMatchObject({
      code: 'Unavailable',
      retryable: true,
    });
  });

  it('says Cancelled, and tries no other placement, when the signal fired', async () => {
    const memory = new MemoryDriver();
    const { content } = await contentOf(memory, [100]);
    const reading = new Downloads(storesOf(memory)).read(content, undefined, AbortSignal.abort());
    await expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
  });

  it('reports a failure of the part opened ahead only when it is needed', async () => {
    const memory = new MemoryDriver();
    const { content } = await contentOf(memory, [100, 100]);
    await memory.delete('p/1');
    const body = await new Downloads(storesOf(memory)).read(content, undefined, undefined);
    const iterator = body.chunks[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toHaveLength(100);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(iterator.next()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
