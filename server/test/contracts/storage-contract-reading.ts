import { describe, expect, test } from 'vitest';
import type { StoredObject } from '#core/ports/storage-driver.ts';
import {
  expectBytes,
  expectHandles,
  KIB,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
} from './storage-fixtures.ts';
import type { CurrentSubject } from './storage-subject.ts';

const SIZE = 2 * MIB + 4321;

export function readingContract(current: CurrentSubject): void {
  describe('open', () => {
    const bytes = Buffer.from(randomBytes(SIZE));
    const stored = async (): Promise<void> => {
      await current().driver.put('object', sourceOf(bytes));
    };

    test.each([
      ['the first byte', 0, 1],
      ['the last byte', SIZE - 1, 1],
      ['everything', 0, SIZE],
      ['all but the first', 1, SIZE - 1],
      ['all but the last', 0, SIZE - 1],
      ['around 64 KiB', 64 * KIB - 1, 2],
      ['64 KiB exactly', 5, 64 * KIB],
      ['64 KiB and one', 5, 64 * KIB + 1],
      ['around 1 MiB', MIB - 1, 2],
      ['1 MiB exactly', MIB, MIB],
      ['a long middle', 777, MIB + 1234],
    ])('gives %s', async (_name, offset, length) => {
      await stored();
      const { driver } = current();
      const object = await driver.open('object', { offset, length });
      expect(object.size).toBe(SIZE);
      if (object.bytes !== undefined) {
        expectBytes(object.bytes, bytes.subarray(offset, offset + length));
      }
      await object.close();
      expect(
        (await readAll(driver, 'object', { offset, length })).equals(bytes.subarray(offset, offset + length)),
      ).toBe(true);
    });

    test.each([
      ['beyond the end', SIZE, 1],
      ['one byte over the end', SIZE - 1, 2],
      ['far away', SIZE * 1000, 10],
      ['without length', 0, 0],
      ['of negative length', 10, -1],
      ['of negative offset', -1, 2],
      ['of half a byte', 0.5, 1],
      ['of endless length', 0, Number.POSITIVE_INFINITY],
      ['that is not a number', Number.NaN, 1],
    ])('refuses a range %s before the first byte', async (_name, offset, length) => {
      await stored();
      const handles = openHandles();
      await refused('RangeNotSatisfiable', current().driver.open('object', { offset, length }));
      await expectHandles(handles);
    });

    test('refuses every range of an empty object, but opens it', async () => {
      const { driver } = current();
      await driver.put('empty', sourceOf(new Uint8Array(0)));
      await refused('RangeNotSatisfiable', driver.open('empty', { offset: 0, length: 1 }));
      expect((await driver.open('empty')).size).toBe(0);
      expect(await readAll(driver, 'empty')).toHaveLength(0);
    });

    test('refuses what is absent, and what is only the start of a key', async () => {
      await current().driver.put('folder/object', sourceOf(randomBytes(5)));
      for (const key of ['absent', 'folder', 'folder/object/more', 'folder/obj']) {
        await refused('NotFound', current().driver.open(key));
        await refused('NotFound', current().driver.stat(key));
      }
    });

    test('serves 50 readers at once, each with its own bytes', async () => {
      const { driver } = current();
      const handles = openHandles();
      const bodies = Array.from({ length: 10 }, () => Buffer.from(randomBytes(900 * KIB + 1)));
      await Promise.all(bodies.map((body, index) => driver.put(`body/${index}`, sourceOf(body))));
      const readers = Array.from({ length: 50 }, async (_, index) => {
        const body = bodies[index % 10] ?? Buffer.alloc(0);
        const range = { offset: index, length: body.length - 2 * index };
        const read = await readAll(driver, `body/${index % 10}`, range);
        return read.equals(body.subarray(index, body.length - index));
      });
      expect(await Promise.all(readers)).toEqual(Array.from({ length: 50 }, () => true));
      await expectHandles(handles);
    });

    test('keeps a chunk valid until the next is asked for, whatever others read meanwhile', async () => {
      await stored();
      const { driver } = current();
      let position = 0;
      for await (const chunk of (await driver.open('object')).chunks) {
        await Promise.all([readAll(driver, 'object'), readAll(driver, 'object', { offset: 9, length: MIB })]);
        expect(bytes.subarray(position, position + chunk.length).equals(chunk)).toBe(true);
        position += chunk.length;
      }
      expect(position).toBe(SIZE);
    });

    test('frees everything when the consumer leaves early, and spoils no other reader', async () => {
      await stored();
      const { driver } = current();
      const handles = openHandles();
      const leavers = Array.from({ length: 30 }, async () => {
        for await (const chunk of (await driver.open('object')).chunks) return Buffer.from(chunk);
        return undefined;
      });
      const [first, whole] = await Promise.all([Promise.all(leavers), readAll(driver, 'object')]);
      for (const chunk of first) expect(chunk?.equals(bytes.subarray(0, chunk.length))).toBe(true);
      expect(whole.equals(bytes)).toBe(true);
      await expectHandles(handles);
    });

    test('frees everything on close() without iteration, any number of times', async () => {
      await stored();
      const handles = openHandles();
      const objects: StoredObject[] = [];
      for (let index = 0; index < 20; index += 1) objects.push(await current().driver.open('object'));
      await Promise.all(objects.map((object) => object.close()));
      await Promise.all(objects.map((object) => object.close()));
      await expectHandles(handles);
    });

    test('frees everything when its iterator is returned before the first chunk', async () => {
      await stored();
      const handles = openHandles();
      const object = await current().driver.open('object');
      const iterator = object.chunks[Symbol.asyncIterator]();
      await iterator.return?.();
      await object.close();
      expect((await iterator.next()).done).toBe(true);
      await expectHandles(handles);
    });

    test('survives close() after the end and in the middle', async () => {
      await stored();
      const handles = openHandles();
      const object = await current().driver.open('object');
      for await (const chunk of object.chunks) expect(chunk.length).toBeGreaterThan(0);
      await object.close();
      const other = await current().driver.open('object');
      let received = 0;
      const reading = (async () => {
        for await (const chunk of other.chunks) {
          received += chunk.length;
          await other.close();
        }
      })();
      // Either all the bytes or an error: never a part that looks like the whole.
      await reading.then(
        () => expect(received).toBe(SIZE),
        (error: unknown) => expect(error).toMatchObject({ code: 'Cancelled' }),
      );
      await expectHandles(handles);
    });

    test('is cancelled before it begins and in the middle', async () => {
      await stored();
      const { driver } = current();
      const handles = openHandles();
      const signal = AbortSignal.abort();
      await refused('Cancelled', driver.open('object', undefined, { signal }));
      await refused('Cancelled', driver.stat('object', { signal }));
      const abort = new AbortController();
      const object = await driver.open('object', undefined, { signal: abort.signal });
      const reading = (async () => {
        for await (const chunk of object.chunks) if (chunk.length > 0) abort.abort();
      })();
      await refused('Cancelled', reading);
      await expectHandles(handles);
    });
  });
}
