import { TOTP } from 'otpauth';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import type { User } from '#core/model/user.ts';
import { type AccountsRig, accountsRig } from './accounts-rig.ts';

const OLD = 'an old password of anna';
const NEW = 'the new password of anna';
const FROM = { address: '192.0.2.1', agent: 'test' };
const wrong = { code: 'PermissionDenied' };

let rig: AccountsRig;
let anna: User;

beforeEach(async () => {
  rig = await accountsRig();
  anna = await rig.users.create({ name: 'anna', password: OLD });
});
afterEach(() => rig.dispose());

/** Somebody sets another password between the check of the old one and what follows it. */
function meanwhile(act: () => Promise<unknown> = () => rig.users.setPassword(anna.id, NEW)): void {
  rig.passwords.afterVerify = act;
}

const shown = () => ({ userId: anna.id, sessionId: '1', password: OLD, from: FROM });

const sessions = async () => (await rig.sessions.list(anna.id)).length;

async function withSecondFactor(): Promise<TOTP> {
  const { secret } = await rig.secondFactor.begin(shown(), 'anna');
  const app = new TOTP({ secret });
  const earlier = app.generate({ timestamp: Date.now() - 30_000 });
  await rig.secondFactor.confirm(anna.id, earlier, COMMAND);
  return app;
}

test.each([
  ['was changed', undefined],
  ['was right when the user signed out everywhere', () => rig.sessions.endAll(anna.id)],
])('no session begins with a password that %s', async (_what, act) => {
  meanwhile(act);
  await expect(rig.signIn.byPassword('anna', OLD, FROM)).rejects.toMatchObject({ code: 'Unauthenticated' });
  expect(await sessions()).toBe(0);
});

test('one password changes into one other', async () => {
  const outcomes = await Promise.allSettled(
    ['one new password', 'another new password'].map((password) =>
      rig.signIn.changePassword(shown(), password),
    ),
  );
  const failures = outcomes.filter(({ status }) => status === 'rejected');
  expect(failures).toMatchObject([{ reason: wrong }]);
  expect(await sessions()).toBe(1);
});

test('an old password does not touch the second factor', async () => {
  meanwhile();
  await expect(rig.secondFactor.begin(shown(), 'anna')).rejects.toMatchObject(wrong);
  await rig.users.setPassword(anna.id, OLD);
  await withSecondFactor();
  meanwhile();
  await expect(rig.secondFactor.renewCodes(shown(), COMMAND)).rejects.toMatchObject(wrong);
  await rig.users.setPassword(anna.id, OLD);
  meanwhile();
  await expect(rig.secondFactor.switchOff(shown(), COMMAND)).rejects.toMatchObject(wrong);
  expect(await rig.secondFactor.isOn(anna.id)).toBe(true);
});

test('a second step does not go on where the first is void', async () => {
  const app = await withSecondFactor();
  meanwhile();
  const first = await rig.signIn.byPassword('anna', OLD, FROM);
  if (!('challenge' in first)) throw new Error('no second factor was asked for');
  await expect(rig.signIn.bySecondFactor(first.challenge, app.generate(), FROM)).rejects.toMatchObject({
    code: 'Unauthenticated',
  });
  expect(await sessions()).toBe(0);
  const again = await rig.signIn.byPassword('anna', NEW, FROM);
  if (!('challenge' in again)) throw new Error('no second factor was asked for');
  await rig.signIn.bySecondFactor(again.challenge, app.generate({ timestamp: Date.now() + 30_000 }), FROM);
  expect(await sessions()).toBe(1);
});
