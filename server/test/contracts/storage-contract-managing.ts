import { describe, expect, test } from 'vitest';
import {
  expectAbsent,
  expectHandles,
  KIB,
  keysOf,
  listAll,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
  sourceThat,
} from './storage-fixtures.ts';
import type { CurrentSubject } from './storage-subject.ts';

export function managingContract(current: CurrentSubject): void {
  describe('delete', () => {
    test('removes the object alone; again, or what never was, succeeds', async () => {
      const { driver } = current();
      await driver.put('gone/a', sourceOf(randomBytes(10)));
      await driver.put('gone/b', sourceOf(randomBytes(10)));
      await driver.delete('gone/a');
      await expectAbsent(driver, 'gone/a');
      await driver.delete('gone/a');
      for (const key of ['never', 'never/was', 'gone', 'gone/b/more']) await driver.delete(key);
      expect(await keysOf(driver)).toEqual(['gone/b']);
    });

    test('does not disturb readers that opened before', async () => {
      const { driver } = current();
      for (const size of [100, 3 * MIB]) {
        const bytes = randomBytes(size);
        await driver.put('read', sourceOf(bytes));
        const object = await driver.open('read');
        await driver.delete('read');
        const copies: Buffer[] = [];
        for await (const chunk of object.chunks) copies.push(Buffer.from(chunk));
        expect(Buffer.concat(copies).equals(bytes)).toBe(true);
        await expectAbsent(driver, 'read');
      }
    });

    test('and put of neighbours at the same time spare each other', async () => {
      const { driver } = current();
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const key = `mixed/${index % 5}/${index}`;
          await driver.put(key, sourceOf(Buffer.from(key)));
          if (index % 2 === 0) await driver.delete(key);
        }),
      );
      expect(await keysOf(driver)).toHaveLength(30);
    });

    test('is cancelled before it begins', async () => {
      const { driver } = current();
      await driver.put('stays', sourceOf(randomBytes(1)));
      await refused('Cancelled', driver.delete('stays', { signal: AbortSignal.abort() }));
      expect(await keysOf(driver)).toEqual(['stays']);
    });
  });

  describe('list', () => {
    test('of an empty store is empty', async () => {
      expect(await keysOf(current().driver)).toEqual([]);
      expect(await keysOf(current().driver, 'any')).toEqual([]);
    });

    test('gives what starts with the prefix, each once, with its size', async () => {
      const { driver } = current();
      const keys = ['a/b/1', 'a/b/22', 'a/bc/1', 'a/c', 'ab', 'b/a/b/1'];
      await Promise.all(keys.map((key) => driver.put(key, sourceOf(Buffer.from(key)))));
      for (const prefix of [
        undefined,
        '',
        'a',
        'a/',
        'a/b',
        'a/b/',
        'a/b/2',
        'a/c',
        'b',
        'zzz',
        'a/c/',
        'a//',
        '/',
        '..',
        '../',
        'a/../b',
        'A',
      ]) {
        expect(await keysOf(driver, prefix)).toEqual(keys.filter((key) => key.startsWith(prefix ?? '')));
      }
      for (const { key, size, modifiedAt } of await listAll(driver)) {
        expect(size).toBe(key.length);
        expect(modifiedAt).toEqual((await driver.stat(key)).modifiedAt);
      }
    });

    test('gives many keys', async () => {
      const { driver } = current();
      const keys = Array.from(
        { length: 600 },
        (_, index) => `many/${index % 4}/${String(index).padStart(4, '0')}`,
      ).sort();
      await Promise.all(keys.map((key) => driver.put(key, sourceOf(new Uint8Array(1)))));
      expect(await keysOf(driver)).toEqual(keys);
      expect(await keysOf(driver, 'many/2/')).toEqual(keys.filter((key) => key.startsWith('many/2/')));
    });

    test('shows nothing of a put under way, and is freed when left early', async () => {
      const { driver } = current();
      await driver.put('done/1', sourceOf(randomBytes(1)));
      await driver.put('done/2', sourceOf(randomBytes(1)));
      const handles = openHandles();
      let seen: string[] = [];
      await driver.put(
        'done/3',
        sourceThat(4, async () => {
          seen = await keysOf(driver);
        }),
      );
      expect(seen).toEqual(['done/1', 'done/2']);
      for await (const _item of driver.list()) break;
      await expectHandles(handles);
    });

    test('is cancelled before it begins and in the middle', async () => {
      const { driver } = current();
      for (let index = 0; index < 5; index += 1) await driver.put(`l/${index}`, sourceOf(randomBytes(1)));
      const handles = openHandles();
      const drain = async (signal: AbortSignal, each: () => void): Promise<void> => {
        for await (const _item of driver.list('', { signal })) each();
      };
      await refused(
        'Cancelled',
        drain(AbortSignal.abort(), () => {}),
      );
      const abort = new AbortController();
      await refused(
        'Cancelled',
        drain(abort.signal, () => abort.abort()),
      );
      await expectHandles(handles);
    });
  });

  describe('what a driver may have', () => {
    test('compose joins in order, replaces whole, and fails whole', async () => {
      const { driver } = current();
      if (driver.compose === undefined) return expect('compose' in driver).toBe(false);
      const parts = [randomBytes(300 * KIB), new Uint8Array(0), randomBytes(5)];
      for (const [index, part] of parts.entries()) await driver.put(`part/${index}`, sourceOf(part));
      const keys = ['part/2', 'part/0', 'part/1', 'part/2'];
      expect(await driver.compose('joined', keys)).toEqual({ size: 300 * KIB + 10 });
      const [long, , short] = parts;
      expect(
        (await readAll(driver, 'joined')).equals(
          Buffer.concat([short, long, short].map((part) => part ?? Buffer.alloc(0))),
        ),
      ).toBe(true);
      await refused('NotFound', driver.compose('other', ['part/0', 'absent']));
      await refused('Cancelled', driver.compose('other', ['part/0'], { signal: AbortSignal.abort() }));
      await refused('InvalidArgument', driver.compose('/', ['part/0']));
      await expectAbsent(driver, 'other');
    });

    test('sweep takes nothing that is visible, finished or under way', async () => {
      const { driver } = current();
      if (driver.sweep === undefined) return expect('sweep' in driver).toBe(false);
      const later = new Date(Date.now() + 3_600_000);
      let swept: number | undefined;
      await driver.put(
        'swept',
        sourceThat(4, async () => {
          swept = await driver.sweep?.(later);
        }),
      );
      expect(swept).toBe(0);
      expect((await driver.stat('swept')).size).toBe(256 * KIB);
      expect(await driver.sweep(later)).toBe(0);
      await refused('Cancelled', driver.sweep(later, { signal: AbortSignal.abort() }));
    });
  });
}
