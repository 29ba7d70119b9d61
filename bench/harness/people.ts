import type { Metadata } from '../../server/src/core/ports/metadata.ts';

/** Somebody with an account, whose drive can be made. */
export async function addPerson(metadata: Metadata, id: string): Promise<void> {
  const unknown = { email: undefined, emailVerifiedAt: undefined, groupId: undefined, quotaBytes: undefined };
  const user = {
    ...unknown,
    id,
    name: `person-${id}`,
    displayName: '',
    lastSignInAt: undefined,
    authEpoch: 1,
  };
  await metadata.transaction(({ users }) =>
    users.insert({ ...user, role: 'member', state: 'active', createdAt: 1, updatedAt: 1 }, undefined),
  );
}
