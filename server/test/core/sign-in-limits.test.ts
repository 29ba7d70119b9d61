import { afterEach, beforeEach, expect, test } from 'vitest';
import type { User } from '#core/model/user.ts';
import { type AccountsRig, accountsRig } from './accounts-rig.ts';

/** Of the rig: wrong tries at one account from one network. */
const PER_ACCOUNT = 4;
const PASSWORD = 'the password of anna';

let rig: AccountsRig;
let anna: User;

beforeEach(async () => {
  rig = await accountsRig();
  anna = await rig.users.create({ name: 'anna', password: PASSWORD });
});
afterEach(() => rig.dispose());

async function outcomes(count: number, attempt: (n: number) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for (let n = 0; n < count; n += 1) {
    found.push(
      await attempt(n).then(
        () => 'taken',
        (error: { code: string }) => error.code,
      ),
    );
  }
  return found;
}

test('one network locks nobody out of an account but itself', async () => {
  const guess = { account: anna.id, address: '192.0.2.1', isKnown: false };
  const found = await outcomes(60, () => rig.limits.take(guess));
  expect(found.filter((one) => one === 'taken')).toHaveLength(PER_ACCOUNT);
  const elsewhere = { address: '198.51.100.1', agent: 'test' };
  expect(await rig.signIn.byPassword('anna', PASSWORD, elsewhere)).toHaveProperty('access');
});

test('a network that tried too much does not count against accounts any more', async () => {
  await outcomes(100, (n) => rig.limits.take({ account: `name-${n}`, address: '192.0.2.1', isKnown: false }));
  await outcomes(60, () => rig.limits.take({ account: anna.id, address: '192.0.2.1', isKnown: false }));
  const elsewhere = { account: anna.id, address: '198.51.100.1', isKnown: false };
  expect(await rig.limits.take(elsewhere)).toBe(PER_ACCOUNT - 1);
});

test('a name that nobody has is counted by what it would be found by', async () => {
  const names = ['straße', 'STRAßE', 'ｓｔｒａßｅ', ' Straße ', 'ﬆraße', 'nobody'];
  const address = { address: '192.0.2.1', agent: 'test' };
  const found = await outcomes(6, (n) => rig.signIn.byPassword(names[n] ?? '', PASSWORD, address));
  expect(found).toEqual([
    ...Array.from({ length: PER_ACCOUNT }, () => 'Unauthenticated'),
    'RateLimited',
    'Unauthenticated',
  ]);
});

test('wrong codes from one network leave tries for another, and there is a limit for all together', async () => {
  const guess = (n: number) => rig.limits.takeCode(anna.id, `192.0.2.${n}`);
  const taken = Array.from({ length: PER_ACCOUNT }, () => 'taken');
  expect(await outcomes(6, () => guess(1))).toEqual([...taken, 'RateLimited', 'RateLimited']);
  for (const n of [2, 3, 4, 5]) expect(await outcomes(PER_ACCOUNT, () => guess(n))).toEqual(taken);
  expect(await outcomes(1, () => guess(6))).toEqual(['RateLimited']);
});

test('a right code sets the count of its network back', async () => {
  const once = () => rig.limits.takeCode(anna.id, '192.0.2.1');
  for (let round = 0; round < 3; round += 1) {
    expect(await outcomes(PER_ACCOUNT, once)).not.toContain('RateLimited');
    await rig.limits.rightCode(anna.id, '192.0.2.1');
  }
});
