import { afterEach, beforeEach, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { Groups, holdGroup } from '#core/groups.ts';
import type { User } from '#core/model/user.ts';
import { chunksOf, openRig, type Rig, some } from './rig.ts';

let rig: Rig;
let groups: Groups;
beforeEach(async () => {
  const rules = [{ match: { group: 'Films' }, store: 'other' }];
  rig = await openRig({ rules });
  groups = new Groups({ ...rig, stores: ['main', 'other'] });
});
afterEach(() => rig.close());

async function person(values: Partial<User> = {}): Promise<User> {
  const id = rig.ids.next();
  const user: User = {
    ...{ id, name: `user-${id}`, email: undefined, emailVerifiedAt: undefined, displayName: 'Somebody' },
    ...{ role: 'member', state: 'active', groupId: undefined, quotaBytes: undefined, authEpoch: 0 },
    ...{ createdAt: 1, updatedAt: 1, lastSignInAt: undefined, ...values },
  };
  await rig.metadata.transaction(async (repositories) => {
    await holdGroup(repositories, user.groupId, 1);
    await repositories.users.insert(user, undefined);
  });
  return user;
}

it('the quota of a person is the own, else that of the group, else undefined', async () => {
  const group = await groups.create({ name: 'Design', quotaBytes: 500 }, COMMAND);
  const free = await groups.create({ name: 'Free' }, COMMAND);
  const quotaOfId = async (id: string) => (await groups.allowanceOf(rig.metadata, id)).quota;
  const quotaOf = async (values: Partial<User>) => quotaOfId((await person(values)).id);
  expect(await quotaOf({})).toBeUndefined();
  expect(await quotaOf({ groupId: group.id })).toBe(500);
  expect(await quotaOf({ groupId: group.id, quotaBytes: 0 })).toBe(0);
  expect(await quotaOf({ groupId: free.id })).toBeUndefined();
  expect(await quotaOf({ quotaBytes: 7 })).toBe(7);
  expect(await quotaOfId('77')).toBeUndefined();
  const { id } = await person({ groupId: group.id });
  await groups.change(group.id, { quotaBytes: 9 }, COMMAND);
  expect(await quotaOfId(id)).toBe(9);
});

it('uploads of its members go to its store, else where a rule for the group says', async () => {
  const there = await groups.create({ name: 'There', store: 'other' }, COMMAND);
  const films = await groups.create({ name: 'Films' }, COMMAND);
  const put = async (groupId: string | undefined) => {
    const { uploader } = await groups.allowanceOf(rig.metadata, (await person({ groupId })).id);
    const { uid } = await rig.uploads.writeFile({ ...uploader, name: 'a.bin' }, chunksOf(some(50)));
    const content = await rig.metadata.files.content(uid);
    return content?.parts[0]?.placements.map(({ store }) => store);
  };
  expect(await put(there.id)).toEqual(['other']);
  expect(await put(films.id)).toEqual(['other']);
  expect(await put(undefined)).toEqual(['main']);
  await groups.change(there.id, { store: null }, COMMAND);
  expect(await put(there.id)).toEqual(['main']);
});

it('an upload is refused, and says so clearly, where the store of the group is gone', async () => {
  const group = await new Groups({ ...rig, stores: ['vanished'] }).create(
    { name: 'Old', store: 'vanished' },
    COMMAND,
  );
  const { uploader } = await groups.allowanceOf(rig.metadata, (await person({ groupId: group.id })).id);
  await expect(rig.uploads.create({ ...uploader, name: 'a.bin' })).rejects.toMatchObject({
    ...{ code: 'Conflict', message: expect.stringMatching(/store that is not there any more/) },
  });
});

it.each([
  { name: '' },
  { name: ' ' },
  { name: 'x'.repeat(101) },
  { name: 'a\nb' },
  { name: 'a', quotaBytes: -1 },
  { name: 'a', quotaBytes: 1.5 },
  { name: 'a', store: 'nowhere' },
])('refuses %j', async (wanted) => {
  await expect(groups.create(wanted, COMMAND)).rejects.toMatchObject({ code: 'InvalidArgument' });
});

it('is not deleted while it has members, and nobody gets into one that is being deleted', async () => {
  for (let turn = 0; turn < 8; turn += 1) {
    const { id } = await groups.create({ name: `g${turn}` }, COMMAND);
    const [joined, deleted] = await Promise.allSettled([person({ groupId: id }), groups.delete(id, COMMAND)]);
    expect([joined.status, deleted.status].sort()).toEqual(['fulfilled', 'rejected']);
  }
  await expect(groups.delete('5', COMMAND)).rejects.toMatchObject({ code: 'NotFound' });
});

it('every change is in the audit log, and one that failed is not', async () => {
  const { id } = await groups.create({ name: 'Design' }, COMMAND);
  await groups.change(id, { name: 'Art', quotaBytes: 5 }, COMMAND);
  await expect(groups.create({ name: 'ART' }, COMMAND)).rejects.toMatchObject({ code: 'AlreadyExists' });
  await groups.delete(id, COMMAND);
  const found = await rig.metadata.audit.list({ action: 'group.*' }, undefined, 10);
  expect(found.map(({ action, detail }) => [action, detail.name, detail.quotaBytes])).toEqual([
    ['group.deleted', 'Art', 5],
    ['group.changed', 'Art', 5],
    ['group.created', 'Design', undefined],
  ]);
});
