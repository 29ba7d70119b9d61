import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import type { User } from '#core/model/user.ts';
import { type AccountsRig, accountsRig } from './accounts-rig.ts';

const OLD = 'an old password of anna';
const NEW = 'the new password of anna';
const FROM = { address: '192.0.2.1', agent: 'test' };
const shown = { sessionId: '1', password: OLD, from: FROM };
const over = { code: 'Expired' };

let rig: AccountsRig;
let anna: User;

beforeEach(async () => {
  rig = await accountsRig();
  const email = 'anna@example.com';
  anna = await rig.users.create({ name: 'anna', email, emailIsVerified: true, password: OLD });
});
afterEach(() => rig.dispose());

async function emailLink(): Promise<string> {
  await rig.recovery.askForEmail({ ...shown, userId: anna.id }, 'intruder@example.com');
  return rig.mailedSecret();
}

async function resetLink(): Promise<string> {
  const { url } = await rig.recovery.resetLink(anna.id, COMMAND);
  return url.split('#')[1] ?? '';
}

describe('a link to another address that is still open', () => {
  test.each([
    ['a new password', () => rig.users.setPassword(anna.id, NEW)],
    ['a reset', async () => rig.recovery.reset(await resetLink(), NEW, FROM)],
    ['signing out everywhere', () => rig.sessions.endAll(anna.id)],
    ['an address by an administrator', () => rig.users.change(anna.id, { email: 'anna@home.example' })],
    ['disabling', () => rig.users.change(anna.id, { state: 'disabled' })],
  ])('is void after %s', async (_what, act) => {
    const secret = await emailLink();
    await act();
    await expect(rig.recovery.verifyEmail(secret, FROM)).rejects.toMatchObject(over);
    expect((await rig.users.get(anna.id)).email).not.toBe('intruder@example.com');
  });

  test('is good where only the name was changed', async () => {
    const secret = await emailLink();
    await rig.users.change(anna.id, { displayName: 'Anna' });
    await rig.recovery.verifyEmail(secret, FROM);
    expect((await rig.users.get(anna.id)).email).toBe('intruder@example.com');
  });

  test('is not made with a password that was changed meanwhile', async () => {
    rig.passwords.afterVerify = () => rig.users.setPassword(anna.id, NEW);
    await expect(emailLink()).rejects.toMatchObject({ code: 'PermissionDenied' });
    expect(rig.mailedSecret()).toBe('');
  });
});

describe('a link that sets the password', () => {
  test.each([
    ['another address', { email: 'anna@home.example' }],
    ['no address', { email: null }],
    ['disabling', { state: 'disabled' }],
  ] as const)('is void after %s', async (_what, change) => {
    const secret = await resetLink();
    await rig.users.change(anna.id, change);
    await expect(rig.recovery.reset(secret, NEW, FROM)).rejects.toMatchObject(over);
  });
});
