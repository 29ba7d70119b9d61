import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import type { Caller } from '#core/model/audit.ts';
import type { User } from '#core/model/user.ts';
import { type AccountsRig, accountsRig } from './accounts-rig.ts';

const FROM = { address: '192.0.2.1', agent: 'test' };
const wanted = { role: 'admin', expiresInHours: 720 } as const;

let rig: AccountsRig;
let dismissed: User;
let staying: User;

beforeEach(async () => {
  rig = await accountsRig();
  dismissed = await rig.users.create({ name: 'dismissed', role: 'admin' });
  staying = await rig.users.create({ name: 'staying', role: 'admin' });
});
afterEach(() => rig.dispose());

const callerOf = ({ id, name }: User): Caller => ({ actor: { kind: 'person', id, name }, origin: {} });
const secretOf = (url: string | undefined) => url?.split('#')[1] ?? '';

test.each([
  ['is deleted', () => rig.users.delete(dismissed.id)],
  ['is disabled', () => rig.users.change(dismissed.id, { state: 'disabled' })],
  ['becomes a member', () => rig.users.change(dismissed.id, { role: 'member' })],
])('invitations are void when their maker %s', async (_what, act) => {
  const { url, invite } = await rig.signUp.invite(wanted, callerOf(dismissed));
  expect(invite.invitedBy).toBe(dismissed.id);
  const other = await rig.signUp.invite(wanted, callerOf(staying));
  const ofNobody = await rig.signUp.invite(wanted, COMMAND);
  await act();
  const again = { name: 'again', password: 'let me in once more' };
  await expect(rig.signUp.signUp(again, secretOf(url), FROM)).rejects.toMatchObject({ code: 'Expired' });
  const left = await rig.signUp.invites();
  expect(left.map(({ id, invitedBy }) => [id, invitedBy]).sort()).toEqual(
    [
      [other.invite.id, staying.id],
      [ofNobody.invite.id, undefined],
    ].sort(),
  );
  const begun = await rig.signUp.signUp(again, secretOf(other.url), FROM);
  expect(begun.user.role).toBe('admin');
});

test('somebody who was an administrator a moment ago does not invite', async () => {
  await rig.users.change(dismissed.id, { role: 'member' });
  await expect(rig.signUp.invite(wanted, callerOf(dismissed))).rejects.toMatchObject({
    code: 'PermissionDenied',
  });
});

test('another name or address leaves invitations open', async () => {
  const { url } = await rig.signUp.invite(wanted, callerOf(dismissed));
  await rig.users.change(dismissed.id, { displayName: 'Somebody', email: 'new@example.com' });
  await rig.users.setPassword(dismissed.id, 'another password altogether');
  const name = { name: 'new', password: 'the password of the new one' };
  expect((await rig.signUp.signUp(name, secretOf(url), FROM)).user.role).toBe('admin');
});
