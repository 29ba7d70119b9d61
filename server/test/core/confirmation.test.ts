import { TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Confirmed, holdConfirmed } from '#core/accounts/confirmation.ts';
import type { SignedIn } from '#core/accounts/sessions.ts';
import { COMMAND } from '#core/audit/caller.ts';
import type { User } from '#core/model/user.ts';
import { type AccountsRig, accountsRig } from './accounts-rig.ts';

const PASSWORD = 'the password of anna';
const FROM = { address: '192.0.2.1', agent: 'test' };
const ELSEWHERE = { address: '203.0.113.9', agent: 'test' };
const MINUTE = 60_000;
const wrong = { code: 'PermissionDenied', details: { field: 'password' } };
const missing = { code: 'PermissionDenied', details: { reason: 'confirm', field: 'password' } };
const tooOld = { code: 'PermissionDenied', details: { reason: 'confirm', maxSessionAgeSeconds: 600 } };
const limited = { code: 'RateLimited' };

let rig: AccountsRig;
let user: User;
let signedIn: SignedIn;

beforeEach(async () => {
  rig = await accountsRig();
});
afterEach(() => rig.dispose());

async function somebody(password?: string): Promise<void> {
  user = await rig.users.create({ name: 'anna', ...(password === undefined ? {} : { password }) });
  signedIn = await rig.sessions.begin(user, 'test', FROM);
}

function check(password?: string, from = FROM, sessionId = signedIn.sessionId): Promise<Confirmed> {
  return rig.confirmation.check({ userId: user.id, sessionId, password, from });
}

const hold = (confirmed: Confirmed) =>
  rig.metadata.transaction((repositories) => holdConfirmed(repositories, confirmed, rig.now()));

describe('somebody with a password', () => {
  beforeEach(() => somebody(PASSWORD));

  test('shows it, however young the session is, and however old', async () => {
    await expect(check()).rejects.toMatchObject(missing);
    await hold(await check(PASSWORD));
    rig.goAhead(60 * MINUTE);
    await hold(await check(PASSWORD));
    await expect(check('')).rejects.toMatchObject(wrong);
  });

  test('has as many tries as at a sign-in, with which they count together', async () => {
    for (let n = 0; n < 2; n += 1) {
      await expect(rig.signIn.byPassword('anna', 'wrong', FROM)).rejects.toMatchObject({
        code: 'Unauthenticated',
      });
      await expect(check('wrong')).rejects.toMatchObject(wrong);
    }
    await expect(check(PASSWORD)).rejects.toMatchObject(limited);
    await expect(rig.signIn.byPassword('anna', PASSWORD, FROM)).rejects.toMatchObject(limited);
    // Nothing was guessed where nothing was sent, and somewhere else nobody is locked out.
    await expect(check()).rejects.toMatchObject(missing);
    await hold(await check(PASSWORD, ELSEWHERE));
    rig.goAhead(15 * MINUTE);
    await hold(await check(PASSWORD));
  });

  test('has no more tries by trying many at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => check(`wrong ${n}`)));
    const codes = outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : 'right'));
    expect(codes.filter((code) => code === 'PermissionDenied')).toHaveLength(4);
    expect(codes.filter((code) => code === 'RateLimited')).toHaveLength(8);
  });

  test('guesses from many networks are limited together, and not where the user is signed in', async () => {
    for (let n = 0; n < 20; n += 1)
      await expect(check('wrong', { ...FROM, address: `198.51.100.${n}` })).rejects.toMatchObject(wrong);
    await expect(check(PASSWORD, ELSEWHERE)).rejects.toMatchObject(limited);
    await hold(await check(PASSWORD));
  });

  test('a password that was changed since confirms nothing', async () => {
    const confirmed = await check(PASSWORD);
    await rig.users.setPassword(user.id, 'another password');
    await expect(hold(confirmed)).rejects.toMatchObject(wrong);
  });

  test('a second factor that was begun with a password is void once that was changed', async () => {
    const shown = { userId: user.id, sessionId: signedIn.sessionId, password: PASSWORD, from: FROM };
    const { secret } = await rig.secondFactor.begin(shown, 'anna');
    await rig.users.setPassword(user.id, 'another password');
    const code = new TOTP({ secret }).generate();
    await expect(rig.secondFactor.confirm(user.id, code, COMMAND)).rejects.toMatchObject({
      code: 'Conflict',
    });
  });

  test('guesses are in the audit log, with what was typed in none of it', async () => {
    await expect(check('a wrong secret')).rejects.toMatchObject(wrong);
    const { entries } = await rig.audited('session.refused');
    expect(entries).toMatchObject([
      { actor: { kind: 'person', id: user.id }, outcome: 'refused', detail: { step: 'confirmation' } },
    ]);
    expect(JSON.stringify(entries)).not.toContain('a wrong secret');
  });
});

describe('somebody without a password', () => {
  beforeEach(() => somebody());

  test('has signed in at most ten minutes ago', async () => {
    rig.goAhead(9 * MINUTE);
    await hold(await check());
    await hold(await check('anything'));
    rig.goAhead(2 * MINUTE);
    await expect(check()).rejects.toMatchObject(tooOld);
    await expect(check('anything')).rejects.toMatchObject(tooOld);
    signedIn = await rig.sessions.begin(await rig.users.get(user.id), 'test', FROM);
    await hold(await check());
  });

  test('is not made young again by a refresh', async () => {
    rig.goAhead(11 * MINUTE);
    const refreshed = await rig.sessions.refresh(signedIn.refresh.token, FROM);
    expect(refreshed.sessionId).toBe(signedIn.sessionId);
    await expect(check()).rejects.toMatchObject(tooOld);
  });

  test('confirms nothing with a session that is over, or of somebody else', async () => {
    const other = await rig.users.create({ name: 'other' });
    const { sessionId } = await rig.sessions.begin(other, 'test', FROM);
    await expect(check(undefined, FROM, sessionId)).rejects.toMatchObject(tooOld);
    const confirmed = await check();
    await rig.sessions.endAll(user.id);
    await expect(check()).rejects.toMatchObject(tooOld);
    await expect(hold(confirmed)).rejects.toMatchObject(tooOld);
  });

  test('needs the password that was set since', async () => {
    const confirmed = await check();
    await rig.users.setPassword(user.id, PASSWORD);
    await expect(hold(confirmed)).rejects.toMatchObject(missing);
  });

  test('sets the first one by a young session, and none by an old one', async () => {
    const from = FROM;
    const shown = { userId: user.id, sessionId: signedIn.sessionId, password: undefined, from };
    rig.goAhead(11 * MINUTE);
    await expect(rig.signIn.changePassword(shown, PASSWORD)).rejects.toMatchObject(tooOld);
    const { sessionId } = await rig.sessions.begin(await rig.users.get(user.id), 'test', FROM);
    await rig.signIn.changePassword({ ...shown, sessionId }, PASSWORD);
    await rig.signIn.byPassword('anna', PASSWORD, FROM);
  });
});
