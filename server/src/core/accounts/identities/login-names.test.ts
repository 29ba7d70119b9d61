import { expect, test } from 'vitest';
import type { ProvenIdentity } from '../../ports/identity-provider.ts';
import { checkedName } from '../name-rules.ts';
import { loginNames } from './login-names.ts';

function namesOf(values: Partial<ProvenIdentity>): string[] {
  const nobody = { email: undefined, emailVerified: false, name: undefined, login: undefined };
  return [...loginNames({ issuer: 'i', subject: 's', ...nobody, ...values })];
}

test.each([
  [{ login: 'octocat', name: 'Mona' }, 'octocat'],
  [{ login: 'ada@corp.example', name: 'Ada' }, 'ada'],
  [{ email: 'ada.l@example.com', emailVerified: true, name: 'Ada' }, 'ada.l'],
  [{ email: 'admin@example.com', emailVerified: false, name: 'Mallory' }, 'Mallory'],
  [{ name: '小李 飞刀' }, '小李-飞刀'],
  [{ name: ' <b>x</b> ' }, 'b-x-b'],
  [{ login: '___', name: '...' }, 'user'],
  [{ login: 'x'.repeat(300) }, 'x'.repeat(48)],
  [{}, 'user'],
])('%o may be called %s', (values, name) => {
  const names = namesOf(values);
  expect(names[0]).toBe(name);
  expect(names[1]).toBe(`${name}-2`);
  expect(new Set(names).size).toBeGreaterThan(9);
  for (const one of names) expect(checkedName(one)).toBe(one);
});
