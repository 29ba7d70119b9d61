import { describe, expect, it } from 'vitest';
import { holdGroup } from '#core/groups.ts';
import type { Group } from '#core/model/group.ts';
import { sampleUser } from './metadata-accounts.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, write } from './metadata-samples.ts';

function sampleGroup(values: Partial<Group> = {}): Group {
  return {
    ...{ id: newId(), name: 'Design', quotaBytes: undefined, store: undefined },
    ...{ createdAt: NOW, updatedAt: NOW, ...values },
  };
}

export function groupsContract({ metadata, openAnother }: Fixture): void {
  describe('groups', () => {
    it('are not removed while somebody joins', async () => {
      const other = await openAnother();
      for (let round = 0; round < 10; round += 1) {
        const group = sampleGroup({ name: `Joined ${round}` });
        const user = sampleUser({ groupId: group.id });
        await write(metadata(), (r) => r.groups.insert(group));
        const joining = write(metadata(), async (r) => {
          await holdGroup(r, group.id, NOW);
          await r.users.insert(user, undefined);
        }).then(
          () => true,
          () => false,
        );
        const removed = await other.transaction(async (r) => {
          await r.groups.lock(group.id);
          if ((await r.users.ofGroup(group.id, undefined, 1)).length > 0) return false;
          return r.groups.remove(group.id);
        });
        expect(await joining).toBe(!removed);
      }
    });

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

    it('are found with what they allow, by who is in them', async () => {
      const group = sampleGroup({ name: 'Allowed', quotaBytes: 2 ** 45, store: 'far' });
      const bare = sampleGroup({ name: 'Bare' });
      const users = [{ groupId: group.id, quotaBytes: 7 }, { groupId: bare.id }, {}].map(sampleUser);
      await write(metadata(), async (r) => {
        for (const one of [group, bare]) await r.groups.insert(one);
        for (const user of users) await r.users.insert(user, undefined);
      });
      const none = { quotaBytes: undefined, store: undefined };
      expect(await Promise.all(users.map(({ id }) => metadata().users.allowance(id)))).toEqual([
        { quotaBytes: 7, group: { name: 'Allowed', quotaBytes: 2 ** 45, store: 'far' } },
        { quotaBytes: undefined, group: { ...none, name: 'Bare' } },
        { quotaBytes: undefined, group: undefined },
      ]);
      expect(await metadata().users.allowance(newId())).toBeUndefined();
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
