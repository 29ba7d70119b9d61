import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import {
  expectAbsent,
  expectBytes,
  expectHandles,
  KIB,
  keysOf,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
  sourceThat,
} from './storage-fixtures.ts';
import type { CurrentSubject } from './storage-subject.ts';

const ODD_KEYS = ['a', '0', '-', '_', 'a/b/c/d/e', `${'x/'.repeat(99)}yz`, 'z'.repeat(200), '-/_/-'];
const REFUSED_KEYS = [
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '..',
  '../a',
  'a/../b',
  './a',
  'A',
  'a b',
  'ä',
  'a\0b',
  'a\\b',
  'x'.repeat(201),
];

export function puttingContract(current: CurrentSubject): void {
  describe('put', () => {
    const expectNothingOf = async (key: string): Promise<void> => {
      await expectAbsent(current().driver, key);
      expect((await current().leftovers?.()) ?? 0).toBe(0);
    };

    test.each([0, 1, 100, 64 * KIB, 64 * KIB + 1, 3 * MIB + 17])(
      'stores %i bytes and gives them back',
      async (size) => {
        const { driver } = current();
        const bytes = randomBytes(size);
        const before = Date.now();
        expect(await driver.put('some/key', sourceOf(bytes))).toEqual({ size });
        expectBytes(await readAll(driver, 'some/key'), bytes);
        const stat = await driver.stat('some/key');
        expect(stat.size).toBe(size);
        expect(Math.abs(stat.modifiedAt.getTime() - before)).toBeLessThan(60_000);
        expect(await keysOf(driver)).toEqual(['some/key']);
        expect((await current().leftovers?.()) ?? 0).toBe(0);
      },
    );

    test('copes with a source of unknown size, empty chunks and one chunk for all', async () => {
      const { driver } = current();
      const bytes = randomBytes(300 * KIB);
      await driver.put('unknown', sourceOf(bytes, { size: undefined, chunk: 7001 }));
      await driver.put('whole', sourceOf(bytes, { chunk: bytes.length }));
      const empty = new Uint8Array(0);
      await driver.put('gaps', {
        size: bytes.length,
        replayable: false,
        async *open() {
          yield empty;
          yield bytes.subarray(0, 10);
          yield empty;
          yield bytes.subarray(10);
          yield empty;
        },
      });
      for (const key of ['unknown', 'whole', 'gaps']) expectBytes(await readAll(driver, key), bytes);
    });

    test.each([0, 1, 5])('keeps nothing when the source throws after %i chunks', async (chunks) => {
      const cause = new Error('the client went away');
      const put = current().driver.put(
        'thrown',
        sourceThat(chunks, async () => {
          throw cause;
        }),
      );
      expect((await refused('Internal', put)).cause).toBe(cause);
      await expectNothingOf('thrown');
    });

    test('keeps nothing when the source throws instead of ending, and passes its OsproxyError on', async () => {
      const own = new OsproxyError('TooLarge', 'Too much.');
      const put = current().driver.put(
        'last',
        sourceThat(
          2,
          async () => {
            throw own;
          },
          128 * KIB,
        ),
      );
      expect(await refused('TooLarge', put)).toBe(own);
      await expectNothingOf('last');
    });

    test.each([
      ['short by one', 200 * KIB, 1],
      ['over by one', 200 * KIB, -1],
      ['over in its only chunk', 10, -10],
      ['short in its only chunk', 10, 1],
      ['empty instead of one byte', 0, 1],
      ['one byte instead of empty', 1, -1],
    ])('keeps nothing when the source is %s', async (_name, size, more) => {
      const source = sourceOf(randomBytes(size), { size: size + more });
      await refused('InvalidArgument', current().driver.put('wrong', source));
      await expectNothingOf('wrong');
    });

    test('tells a source that ran over that nobody wants the rest', async () => {
      let given = 0;
      let finished = false;
      const source = {
        size: 1,
        replayable: false,
        async *open() {
          try {
            for (; given < 1000; given += 1) yield randomBytes(2);
          } finally {
            finished = true;
          }
        },
      };
      await refused('InvalidArgument', current().driver.put('over', source));
      expect(finished).toBe(true);
      expect(given).toBe(0);
    });

    test('keeps nothing when the signal has fired before, and asks the source for nothing', async () => {
      let asked = false;
      const source = sourceThat(0, async () => {
        asked = true;
      });
      await refused('Cancelled', current().driver.put('early', source, { signal: AbortSignal.abort() }));
      expect(asked).toBe(false);
      await expectNothingOf('early');
    });

    test('keeps nothing when the signal fires while the source is silent, and does not wait for it', async () => {
      const handles = openHandles();
      const abort = new AbortController();
      const reason = new Error('deadline');
      const source = sourceThat(3, async () => {
        setTimeout(() => abort.abort(reason), 5);
        await new Promise(() => {});
      });
      const error = await refused(
        'Cancelled',
        current().driver.put('silent', source, { signal: abort.signal }),
      );
      expect(error.cause).toBe(reason);
      await expectNothingOf('silent');
      await expectHandles(handles);
    });

    test('keeps nothing when the signal fires with the last byte', async () => {
      const abort = new AbortController();
      const source = sourceThat(2, async () => abort.abort());
      await refused('Cancelled', current().driver.put('end', source, { signal: abort.signal }));
      await expectNothingOf('end');
    });

    test('keeps what was there when a put over it fails', async () => {
      const { driver } = current();
      const bytes = randomBytes(1000);
      await driver.put('kept', sourceOf(bytes));
      await refused('InvalidArgument', driver.put('kept', sourceOf(randomBytes(500), { size: 501 })));
      expectBytes(await readAll(driver, 'kept'), bytes);
    });

    test('replaces an object whole; who reads the old one goes on', async () => {
      const { driver } = current();
      const before = randomBytes(3 * MIB);
      const after = randomBytes(700 * KIB);
      await driver.put('same', sourceOf(before));
      const old = await driver.open('same');
      const copies: Buffer[] = [];
      for await (const chunk of old.chunks) {
        if (copies.length === 0) await driver.put('same', sourceOf(after));
        copies.push(Buffer.from(chunk));
      }
      expectBytes(Buffer.concat(copies), before);
      expectBytes(await readAll(driver, 'same'), after);
      expect(await keysOf(driver)).toEqual(['same']);
    });

    test('lets one of many puts to one key win whole', async () => {
      const { driver } = current();
      const bodies = Array.from({ length: 16 }, (_, index) => new Uint8Array(200 * KIB + index).fill(index));
      await Promise.all(bodies.map((body) => driver.put('one/key', sourceOf(body))));
      const stored = await readAll(driver, 'one/key');
      expect(bodies.some((body) => stored.equals(body))).toBe(true);
      expect((await driver.stat('one/key')).size).toBe(stored.length);
      expect((await current().leftovers?.()) ?? 0).toBe(0);
    });

    test('takes many puts into new folders at once', async () => {
      const { driver } = current();
      const keys = Array.from({ length: 100 }, (_, index) => `deep/${index % 7}/${index % 3}/${index}`);
      await Promise.all(keys.map((key) => driver.put(key, sourceOf(Buffer.from(key)))));
      expect(await keysOf(driver)).toEqual(keys.toSorted());
      for (const key of keys) expect((await readAll(driver, key)).toString()).toBe(key);
    });

    test.each(ODD_KEYS)('takes the key %j', async (key) => {
      const { driver } = current();
      await driver.put(key, sourceOf(Buffer.from('odd')));
      expect((await readAll(driver, key)).toString()).toBe('odd');
      expect(await keysOf(driver)).toEqual([key]);
    });

    test.each(REFUSED_KEYS)('refuses the key %j everywhere', async (key) => {
      const { driver } = current();
      await refused('InvalidArgument', driver.put(key, sourceOf(randomBytes(1))));
      await refused('InvalidArgument', driver.open(key));
      await refused('InvalidArgument', driver.stat(key));
      await refused('InvalidArgument', driver.delete(key));
    });

    test('leaves no handle and no listener behind', async () => {
      const { driver } = current();
      const { signal } = new AbortController();
      const handles = openHandles();
      for (let index = 0; index < 20; index += 1) {
        await driver.put(`many/${index}`, sourceOf(randomBytes(200 * KIB)), { signal });
      }
      await expectHandles(handles);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });
  });
}
