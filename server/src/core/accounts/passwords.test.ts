import { argon2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Passwords } from './passwords.ts';

const passwords = new Passwords({ minLength: 10, atOnce: 2, mostWaiting: 4 });

describe('a password', () => {
  test('is kept as an argon2id hash that others can check', async () => {
    const kept = await passwords.hash('correct horse');
    const [, salt = '', hash = ''] = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$([^$]+)\$([^$]+)$/.exec(kept) ?? [];
    const again = argon2Sync('argon2id', {
      ...{ message: 'correct horse', nonce: Buffer.from(salt, 'base64'), tagLength: 32 },
      ...{ memory: 19_456, passes: 2, parallelism: 1 },
    });
    expect(Buffer.from(hash, 'base64').equals(again)).toBe(true);
    expect(await passwords.hash('correct horse')).not.toBe(kept);
  });

  test('is right however its letters are composed, and wrong else', async () => {
    const kept = await passwords.hash('caf\u00e9 au lait');
    expect(await passwords.verify('cafe\u0301 au lait', kept)).toBe(true);
    for (const wrong of ['cafe au lait', 'café au lait ', '', 'x'.repeat(2000)]) {
      expect(await passwords.verify(wrong, kept)).toBe(false);
    }
  });

  test('costs one hash to be refused, whether there is one to compare or not', async () => {
    const kept = await passwords.hash('correct horse');
    const costOf = async (password: string, against: string | undefined) => {
      const before = passwords.computed;
      expect(await passwords.verify(password, against)).toBe(false);
      return passwords.computed - before;
    };
    expect(await costOf('wrong', kept)).toBe(1);
    expect(await costOf('wrong', undefined)).toBe(1);
    expect(await costOf('wrong', 'not a hash')).toBe(1);
    expect(await costOf('x'.repeat(5000), kept)).toBe(1);
  });

  test('made with other parameters is checked with those, and known to be outdated', async () => {
    const salt = Buffer.alloc(16, 7);
    const hash = argon2Sync('argon2id', {
      ...{ message: 'correct horse', nonce: salt, tagLength: 32 },
      ...{ memory: 8192, passes: 3, parallelism: 1 },
    });
    const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
    const old = `$argon2id$v=19$m=8192,t=3,p=1$${text(salt)}$${text(hash)}`;
    expect(await passwords.verify('correct horse', old)).toBe(true);
    expect(await passwords.verify('wrong horse', old)).toBe(false);
    expect(passwords.isOutdated(old)).toBe(true);
    expect(passwords.isOutdated(await passwords.hash('correct horse'))).toBe(false);
  });

  test('is refused when it is short, long, the name, or hardly more than one letter', () => {
    const refused = (password: string, names: string[] = []) =>
      expect(() => passwords.check(password, names)).toThrow(/password/);
    refused('123456789');
    refused('é'.repeat(600));
    refused('Anna.Lind.1', ['anna.lind.1']);
    refused('abababababab');
    passwords.check('correct horse', ['anna']);
    passwords.check('密码密码一二三四五六', ['anna']);
  });
});

test('so many hashes at once, so many wait, and the rest are told to come back', async () => {
  const few = new Passwords({ minLength: 10, atOnce: 2, mostWaiting: 4 });
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => few.hash('correct horse')));
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  expect(outcomes).toHaveLength(10);
  expect(refused).toHaveLength(4);
  for (const { reason } of refused)
    expect(reason).toMatchObject({ code: 'RateLimited', retryAfterSeconds: 2 });
  expect(await few.verify('correct horse', await few.hash('correct horse'))).toBe(true);
});
