import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { UsageRecord } from '#core/model/usage.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { countUsage } from '#core/usage/usage-counter.ts';
import { UsageMeter } from '#core/usage/usage-meter.ts';
import type { Fixture } from './metadata-fixture.ts';
import { write } from './metadata-samples.ts';

const DAY = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY);
const ALL = { from: 0, to: TODAY + 10, owner: undefined };
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const ONE = { uploads: 1, uploadedBytes: 10, downloads: 0, downloadedBytes: 0, failures: 0, durationMs: 5 };

function record(values: Partial<UsageRecord> = {}): UsageRecord {
  return {
    ...{
      kind: 'download',
      key: 'k1',
      owner: 'shop',
      store: 'main',
      uid: '1',
      link: undefined,
      bytes: 2 ** 40,
    },
    ...{ outcome: 'ok', at: TODAY * DAY + 1, durationMs: 7 },
    ...values,
  };
}

function meterOf(metadata: Pick<Metadata, 'transaction'>, flushMs = 60_000): UsageMeter {
  const base = { clock: systemClock, logger: silent };
  return new UsageMeter({ ...base, metadata, flushMs, retentionDays: 400 });
}

export function usageContract({ metadata, openAnother }: Fixture): void {
  describe('usage', () => {
    it('is added up and told apart as it is asked for', async () => {
      const meter = meterOf(metadata());
      meter.add(record());
      meter.add(record({ outcome: 'aborted', bytes: 3 }));
      meter.add(record({ kind: 'upload', bytes: 5, key: 'k2', store: 'other' }));
      meter.add(record({ owner: 'Zoë 😀', at: (TODAY - 1) * DAY }));
      expect(meter.pending).toBe(3);
      await meter.flush();
      expect(meter.pending).toBe(0);
      const { usage } = metadata();
      const sum = { uploads: 1, uploadedBytes: 5, downloads: 3, downloadedBytes: 2 ** 41 + 3 };
      expect(await usage.totals(ALL, [], 10)).toEqual([{ ...sum, failures: 1, durationMs: 28 }]);
      const byOwner = await usage.totals(ALL, ['owner'], 10);
      expect(byOwner.map(({ owner, downloads }) => [owner, downloads])).toEqual([
        ['Zoë 😀', 1],
        ['shop', 2],
      ]);
      const byAll = await usage.totals({ ...ALL, owner: 'shop' }, ['store', 'day', 'key', 'owner'], 10);
      expect(byAll).toMatchObject([
        { store: 'main', day: TODAY, key: 'k1', owner: 'shop', downloads: 2, uploads: 0 },
        { store: 'other', day: TODAY, key: 'k2', owner: 'shop', uploads: 1 },
      ]);
      expect(await usage.totals({ ...ALL, from: TODAY }, ['day'], 10)).toHaveLength(1);
      expect(await usage.totals({ ...ALL, from: TODAY + 1 }, [], 10)).toEqual([]);
      expect(await usage.totals(ALL, ['store'], 1)).toHaveLength(1);
    });

    it('counts a batch once, however often it is written, and each source by itself', async () => {
      const cell = { day: 5, owner: 'o', key: 'k', store: 's' };
      const add = (source: string, number: number) =>
        write(metadata(), async ({ usage }) => {
          if (await usage.claim(source, number, 1000)) await usage.add(cell, ONE);
        });
      for (const number of [1, 1, 2, 1, 2, 7, 3]) await add('a', number);
      await add('b', 1);
      expect(await metadata().usage.totals(ALL, [], 1)).toMatchObject([{ uploads: 4, uploadedBytes: 40 }]);
      await write(metadata(), ({ usage }) => usage.forgetSources(1001));
      expect(await write(metadata(), ({ usage }) => usage.removeBefore(5))).toBe(0);
      expect(await write(metadata(), ({ usage }) => usage.removeBefore(6))).toBe(1);
      expect(await metadata().usage.totals(ALL, [], 1)).toEqual([]);
    });

    it('is added once where it is unknown whether it was committed, and kept while nothing can be', async () => {
      let answer: 'lost' | 'refused' | 'well' = 'lost';
      const flaky: Pick<Metadata, 'transaction'> = {
        transaction: async (work) => {
          if (answer === 'refused') throw new OsproxyError('Unavailable', 'The database is away.');
          const result = await metadata().transaction(work);
          if (answer === 'lost') throw new OsproxyError('Unavailable', 'The answer to COMMIT was lost.');
          return result;
        },
      };
      const meter = meterOf(flaky);
      meter.add(record({ kind: 'upload' }));
      await expect(meter.flush()).rejects.toThrow('COMMIT');
      meter.add(record({ kind: 'upload' }));
      await expect(meter.flush()).rejects.toThrow('COMMIT');
      answer = 'refused';
      for (let i = 0; i < 10_000; i += 1) meter.add(record({ kind: 'upload', bytes: 1 }));
      await expect(meter.flush()).rejects.toThrow('away');
      expect(meter.pending).toBeLessThanOrEqual(2);
      answer = 'well';
      await meter.stop();
      expect(await metadata().usage.totals(ALL, [], 1)).toMatchObject([{ uploads: 10_002 }]);
    });

    it('of a log counts each record once, given again in part, by several and in another grouping', async () => {
      const context = { metadata: metadata(), clock: systemClock };
      const entry = (source: string, number: number) => ({
        ...{ source, number, record: record({ kind: 'upload', key: source, bytes: 1 }) },
      });
      const a = Array.from({ length: 30 }, (_, i) => entry('p/a', i + 1));
      const b = Array.from({ length: 30 }, (_, i) => entry('p/b', i + 1));
      const mixed = a.flatMap((one, i) => [one, b[i] ?? one]);
      await countUsage(context, mixed.slice(0, 20));
      await countUsage(context, mixed.slice(10, 40));
      await countUsage(context, [...mixed.slice(30, 50), ...mixed.slice(30, 60)]);
      await Promise.all([mixed, a, b].map((entries) => countUsage(context, entries)));
      const sums = await metadata().usage.totals(ALL, ['key'], 9);
      expect(sums.map(({ key, uploads }) => [key, uploads])).toEqual([
        ['p/a', 30],
        ['p/b', 30],
      ]);
    });

    it('of processes that write at once adds up to all of it', async () => {
      const others = [metadata(), await openAnother(), await openAnother()];
      const meters = others.map((one) => meterOf(one, 100));
      for (const meter of meters) meter.start();
      for (let round = 0; round < 20; round += 1) {
        for (const meter of meters) {
          for (let i = 0; i < 50; i += 1) meter.add(record({ kind: 'upload', key: `k${i % 9}`, bytes: 1 }));
        }
        await sleep(20);
      }
      await Promise.all(meters.map((meter) => meter.stop()));
      expect(await metadata().usage.totals(ALL, [], 1)).toMatchObject([
        { uploads: 3000, uploadedBytes: 3000 },
      ]);
      expect(await metadata().usage.totals(ALL, ['key'], 99)).toHaveLength(9);
    }, 30_000);
  });
}
