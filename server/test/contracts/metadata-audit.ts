import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '#core/model/audit.ts';
import type { AuditFilter } from '#core/ports/metadata/audit.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, write } from './metadata-samples.ts';

type Written = Omit<AuditEntry, 'id'>;

function sampleEntry(values: Partial<Written> = {}): Written {
  return {
    at: NOW,
    actor: { kind: 'person', id: '7', name: 'Zoë 😀' },
    action: 'key.created',
    subject: { kind: 'key', id: 'k1' },
    origin: { address: '2001:db8::1', userAgent: 'curl/8', requestId: 'r-1' },
    outcome: 'ok',
    detail: { scopes: ['read'], much: 2 ** 40 },
    ...values,
  };
}

export function auditContract({ metadata }: Fixture): void {
  const append = (entry: Written) => write(metadata(), ({ audit }) => audit.append(entry));
  const list = async (filter: AuditFilter = {}) => {
    const found = await metadata().audit.list(filter, undefined, 100);
    return found.map(({ detail }) => detail.n);
  };

  describe('audit', () => {
    it('keeps every field', async () => {
      const full = sampleEntry();
      const bare: Written = {
        ...{
          at: NOW + 1,
          actor: { kind: 'nobody', id: undefined, name: undefined },
          action: 'session.refused',
        },
        ...{ subject: { kind: 'user', id: undefined }, outcome: 'refused', detail: {} },
        origin: { address: undefined, userAgent: undefined, requestId: undefined },
      };
      await append(full);
      await append(bare);
      const found = await metadata().audit.list({}, undefined, 10);
      expect(found.map(({ id: _id, ...entry }) => entry)).toEqual([bare, full]);
    });

    it('is gone with the transaction that it was part of', async () => {
      const broken = write(metadata(), async ({ audit }) => {
        await audit.append(sampleEntry());
        throw new Error('No.');
      });
      await expect(broken).rejects.toThrow('No.');
      expect(await list()).toEqual([]);
    });

    it('is asked for by actor, action or group, subject, address and time, all of which must fit', async () => {
      const entries: Partial<Written>[] = [
        {},
        { actor: { kind: 'service', id: 'k9' } },
        { action: 'key.revoked' },
        { action: 'user.created', subject: { kind: 'user', id: '5' } },
        { origin: { address: '10.0.0.1' } },
        { at: NOW + 10 },
        { actor: { kind: 'service', id: 'k9' }, at: NOW + 10 },
      ];
      for (const [n, entry] of entries.entries()) await append(sampleEntry({ ...entry, detail: { n } }));
      expect(await list()).toEqual([6, 5, 4, 3, 2, 1, 0]);
      expect(await list({ actor: 'k9' })).toEqual([6, 1]);
      expect(await list({ action: 'key.revoked' })).toEqual([2]);
      expect(await list({ action: 'key.*' })).toEqual([6, 5, 4, 2, 1, 0]);
      expect(await list({ action: 'user.*' })).toEqual([3]);
      expect(await list({ subject: '5' })).toEqual([3]);
      expect(await list({ address: '10.0.0.1' })).toEqual([4]);
      expect(await list({ from: NOW + 10 })).toEqual([6, 5]);
      expect(await list({ to: NOW + 10, actor: 'k9' })).toEqual([1]);
      expect(await list({ from: NOW, to: NOW })).toEqual([]);
      expect(await list({ actor: 'k9', address: '10.0.0.1' })).toEqual([]);
      expect(await list({ actor: 'K9' })).toEqual([]);
    });

    it('is read in pages that miss nothing and repeat nothing, also where many have the same time', async () => {
      await write(metadata(), async ({ audit }) => {
        for (let n = 0; n < 25; n += 1)
          await audit.append(sampleEntry({ at: NOW + Math.floor(n / 10), detail: { n } }));
      });
      const seen: unknown[] = [];
      let after: { at: number; id: string } | undefined;
      for (let page = 0; page < 9; page += 1) {
        const found = await metadata().audit.list({ actor: '7' }, after, 3);
        seen.push(...found.map(({ detail }) => detail.n));
        after = found.at(-1);
      }
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 24 - i));
    });

    it('keeps both of two that are written at once', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => append(sampleEntry({ detail: { n } }))));
      expect(new Set(await list()).size).toBe(20);
    });

    it('removes what is old, up to a limit', async () => {
      for (let n = 0; n < 5; n += 1) await append(sampleEntry({ at: NOW + n, detail: { n } }));
      const remove = (cutoff: number, limit: number) =>
        write(metadata(), (r) => r.audit.removeOld(cutoff, limit));
      expect(await remove(NOW + 2, 2)).toBe(2);
      expect(await list()).toEqual([4, 3, 2]);
      expect(await remove(NOW + 2, 10)).toBe(1);
      expect(await remove(NOW + 2, 10)).toBe(0);
      expect(await list()).toEqual([4, 3]);
    });
  });
}
