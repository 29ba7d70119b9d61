import { describe, expect, it } from 'vitest';
import type { Group } from '#core/model/group.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, write } from './metadata-samples.ts';

function sampleGroup(values: Partial<Group> = {}): Group {
  return {
    ...{ id: newId(), name: 'Design', quotaBytes: undefined, store: undefined },
    ...{ createdAt: NOW, updatedAt: NOW, ...values },
  };
}

export function groupsContract({ metadata }: Fixture): void {
  describe('groups', () => {
    it('keeps every field, lists by name, changes and removes', async () => {
      const design = sampleGroup();
      const full = sampleGroup({ name: 'Zoë 😀', quotaBytes: 2 ** 45, store: 'far' });
      await write(metadata(), async ({ groups }) => {
        await groups.insert(full);
        await groups.insert(design);
      });
      expect(await metadata().groups.list(10)).toEqual([design, full]);
      expect(await metadata().groups.list(1)).toEqual([design]);
      const changed = { ...full, name: 'About', quotaBytes: undefined, store: undefined, updatedAt: NOW + 1 };
      await write(metadata(), async ({ groups }) => {
        expect(await groups.lock(full.id)).toEqual(full);
        expect(await groups.lock(newId())).toBeUndefined();
        await groups.update(changed);
      });
      expect(await metadata().groups.find(full.id)).toEqual(changed);
      expect(await write(metadata(), ({ groups }) => groups.remove(full.id))).toBe(true);
      expect(await write(metadata(), ({ groups }) => groups.remove(full.id))).toBe(false);
      expect(await metadata().groups.find(full.id)).toBeUndefined();
    });

    it('gives each name to one, whatever its case and form', async () => {
      const group = sampleGroup({ name: 'Café' });
      const other = sampleGroup({ name: 'other' });
      await write(metadata(), async ({ groups }) => {
        await groups.insert(group);
        await groups.insert(other);
      });
      for (const name of ['Café', 'CAFÉ', 'cafe\u0301', 'Ｃafé']) {
        const again = write(metadata(), ({ groups }) => groups.insert(sampleGroup({ name })));
        await expect(again).rejects.toMatchObject({ code: 'AlreadyExists' });
        const renamed = write(metadata(), ({ groups }) => groups.update({ ...other, name }));
        await expect(renamed).rejects.toMatchObject({ code: 'AlreadyExists' });
      }
      await write(metadata(), ({ groups }) => groups.insert(sampleGroup({ name: 'Cafe' })));
    });
  });
}
